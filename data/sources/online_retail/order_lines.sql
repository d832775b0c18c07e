-- The sales, and with its reason every line that says nothing possible.
SELECT file_id, record_number, InvoiceNo AS order_id, line_no, StockCode AS sku, Quantity AS quantity,
    UnitPrice AS unit_price, fault AS reject_reason
FROM told WHERE is_sale OR fault IS NOT NULL
