-- Every vendor of a product; the one that takes the fewest days is first, of equal ones the cheaper, then the lower
-- number.
SELECT file_id, record_number, BusinessEntityID AS supplier_id, ProductID AS sku, LastReceiptCost AS unit_cost,
    'USD' AS currency, MinOrderQty AS min_order_quantity, AverageLeadTime AS lead_time_days,
    row_number() OVER (
        PARTITION BY file_id, ProductID
        ORDER BY try_cast(AverageLeadTime AS BIGINT), try_cast(LastReceiptCost AS DECIMAL(18, 4)),
            try_cast(BusinessEntityID AS BIGINT), record_number
    ) AS rank
FROM vendor_products
