-- The sales of the ledger at its price, and anew with their discount once the order tells its total.
SELECT sold.file_id, record_number, 'SO' || ReferenceOrderID AS order_id, ReferenceOrderLineID AS line_no,
    ProductID AS sku, Quantity AS quantity, ActualCost AS unit_price, amount AS discount_amount
FROM sold LEFT JOIN discounts d
    ON d.order_id = sold.ReferenceOrderID AND d.line_no = sold.ReferenceOrderLineID
    AND d.file_sequence = sold.file_sequence
UNION ALL
SELECT sales.file_id, sales.record_number, 'SO' || SalesOrderID, line_no, ProductID, Quantity, ActualCost, amount
FROM sales
JOIN discounts d ON d.order_id = sales.SalesOrderID AND d.file_sequence = sales.file_sequence
JOIN sold ON sold.ReferenceOrderID = sales.SalesOrderID AND sold.ReferenceOrderLineID = d.line_no AND telling = 1
