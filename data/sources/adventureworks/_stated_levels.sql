-- The safety stock and the reorder point that the company keeps itself, per product. The products feed has no column
-- for them, so they are told beside it: no step of the mapping, figures to hold against ours.
SELECT ProductID AS sku, arg_max(SafetyStockLevel, file_sequence) AS safety_stock,
    arg_max(ReorderPoint, file_sequence) AS reorder_point
FROM products GROUP BY ProductID ORDER BY try_cast(ProductID AS BIGINT)
