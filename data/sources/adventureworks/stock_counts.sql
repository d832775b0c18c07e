-- What lies at all places of a product together, told by the last record of it: the opening stock of the ledger, which
-- begins the day after.
SELECT file_id, record_number, ProductID AS sku, 'AW' AS location_id, '2011-04-15' AS counted_on,
    CASE WHEN bool_and(coalesce(regexp_full_match(Quantity, '[0-9]+'), false)) OVER of_product
        THEN CAST(sum(try_cast(Quantity AS BIGINT)) OVER of_product AS VARCHAR)
    END AS quantity,
    CASE WHEN Quantity IS NULL OR NOT regexp_full_match(Quantity, '[0-9]+')
        THEN 'Quantity: format: ' || coalesce(Quantity, 'empty')
    END AS reject_reason
FROM inventory
WINDOW of_product AS (PARTITION BY file_id, ProductID)
QUALIFY reject_reason IS NOT NULL
    OR record_number = max(record_number) OVER (PARTITION BY file_id, ProductID)
