-- The files do not say when stock was counted; the last order is of this day.
SELECT file_id, record_number, product_id AS sku, store_id AS location_id, '2022-04-12' AS counted_on,
    product_inventory AS quantity
FROM inventory
