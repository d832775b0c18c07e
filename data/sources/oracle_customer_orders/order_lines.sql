SELECT file_id, record_number, order_id, line_item_id AS line_no, product_id AS sku, quantity, unit_price
FROM order_items
