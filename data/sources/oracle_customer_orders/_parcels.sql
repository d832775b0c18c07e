-- Every shipment with the order items that it carries, as they were known when the shipment was taken in.
SELECT s.file_id, s.record_number, s.file_sequence, s.shipment_id, s.store_id, s.shipment_status,
    regexp_extract(s.delivery_address, '^(.*), ([A-Z]{2}) ([0-9]{5}) USA$', ['city', 'state', 'postcode']) AS address,
    i.order_id, i.line_item_id, i.quantity, o.order_tms, o.channel, o.customer_id, o.store_id AS order_store_id
FROM shipments s
LEFT JOIN items i ON i.shipment_id = s.shipment_id
    AND i.file_sequence <= s.file_sequence AND coalesce(i.replaced_by > s.file_sequence, true)
LEFT JOIN order_states o ON o.order_id = i.order_id
    AND o.file_sequence <= s.file_sequence AND coalesce(o.replaced_by > s.file_sequence, true)
