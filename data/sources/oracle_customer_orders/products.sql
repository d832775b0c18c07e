-- The category is the kind of garment, which the name says: Boy's Shirt (White).
SELECT file_id, record_number, product_id AS sku, product_name AS name, unit_price, 'USD' AS currency,
    nullif(regexp_extract(product_name, '^[A-Za-z]+''s (.+) \([^()]+\)$', 1), '') AS category
FROM products
