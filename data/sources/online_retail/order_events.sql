-- The shop invoices what it sends, so an order was shipped when it was invoiced.
SELECT file_id, record_number, order_id || '/shipped' AS event_id, order_id, NULL AS line_no, 'shipped' AS event,
    ordered_at AS occurred_at, NULL AS quantity, NULL AS reason, NULL AS reject_reason
FROM orders_told WHERE delivery = 1
UNION ALL
SELECT file_id, record_number, return_id, order_id, order_line_no, 'returned', moment, units,
    'cancelled by ' || InvoiceNo,
    CASE
        WHEN order_id IS NOT NULL THEN NULL
        WHEN was_bought THEN 'Quantity: range: no earlier line of ' || StockCode || ' of customer ' || customer_id
            || ' has ' || units || ' left to return'
        ELSE 'StockCode: not_allowed: customer ' || customer_id || ' bought no ' || StockCode || ' before'
    END
FROM returns WHERE NOT is_known
UNION ALL
SELECT file_id, record_number, InvoiceNo || '/' || line_no, NULL, NULL, 'returned', moment, -units, NULL,
    'CustomerID: missing: a cancellation of nobody meets no sale'
FROM told WHERE is_cancellation AND customer_id IS NULL
