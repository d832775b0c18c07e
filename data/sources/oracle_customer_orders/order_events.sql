-- Shipments per order line, and the end of orders that were called off or paid back. The files know no other time than
-- that of the order.
SELECT file_id, record_number, order_id || '/' || line_item_id || '/' || event AS event_id, order_id,
    line_item_id AS line_no, event, order_tms AS occurred_at, quantity, store_id AS location_id,
    shipment_id AS tracking_no, NULL AS reason, NULL AS reject_reason
FROM (
    SELECT *, unnest(CASE shipment_status
        WHEN 'CREATED' THEN ['packed']
        WHEN 'SHIPPED' THEN ['shipped']
        WHEN 'IN-TRANSIT' THEN ['shipped', 'in_transit']
        WHEN 'DELIVERED' THEN ['shipped', 'delivered']
    END) AS event
    FROM parcels WHERE order_tms IS NOT NULL
)
UNION ALL
SELECT DISTINCT file_id, record_number, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    CASE
        WHEN order_id IS NULL
            THEN 'shipment_id: not_allowed: no order item is in shipment ' || coalesce(shipment_id, 'without a number')
        WHEN order_tms IS NULL THEN 'shipment_id: not_allowed: no order is known of shipment ' || shipment_id
        ELSE 'shipment_status: not_allowed: ' || coalesce(shipment_status, 'empty')
    END
FROM parcels
WHERE order_tms IS NULL OR shipment_status IS NULL
    OR shipment_status NOT IN ('CREATED', 'SHIPPED', 'IN-TRANSIT', 'DELIVERED')
UNION ALL
SELECT file_id, record_number, order_id || '/' || event, order_id, NULL, event, order_tms, NULL, store_id, NULL,
    'order_status ' || order_status, NULL
FROM (
    SELECT *, unnest(CASE
        WHEN order_status = 'CANCELLED' THEN ['cancelled']
        WHEN order_status = 'REFUNDED' AND channel = 'store' THEN ['shipped', 'delivered', 'returned']
        WHEN order_status = 'REFUNDED' THEN ['returned']
    END) AS event
    FROM order_states
)
