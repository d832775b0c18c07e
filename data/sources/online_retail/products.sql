-- What was sold: from the first sale of a product, and again from its first sale at a price when the first was for
-- nothing.
WITH sold AS (
    SELECT *,
        row_number() OVER (PARTITION BY StockCode ORDER BY file_sequence, price = 0, Description IS NULL, record_number)
            AS sale,
        row_number() OVER (PARTITION BY StockCode, price > 0 ORDER BY file_sequence, Description IS NULL, record_number)
            AS sale_at_a_price
    FROM told WHERE is_sale
)
SELECT file_id, record_number, StockCode AS sku, coalesce(nullif(trim(Description), ''), StockCode) AS name,
    UnitPrice AS unit_price, 'GBP' AS currency,
    CASE
        WHEN StockCode IN ('POST', 'DOT', 'C2') THEN 'Postage'
        WHEN StockCode LIKE 'gift\_%' ESCAPE '\' THEN 'Gift vouchers'
        WHEN is_goods THEN 'Goods'
        ELSE 'Charges and adjustments'
    END AS category,
    is_goods AS is_stocked
FROM (SELECT *, regexp_matches(StockCode, '^([0-9]{5}|DCGS|PADS)') AS is_goods FROM sold)
WHERE sale = 1 OR sale_at_a_price = 1 AND price > 0
