-- What the status of an order says happened to the whole of it: shipped on its day, rejected or cancelled when the
-- order was last written.
SELECT file_id, record_number, SalesOrderNumber || '/' || event AS event_id, SalesOrderNumber AS order_id, event,
    CASE event WHEN 'shipped' THEN ShipDate ELSE ModifiedDate END AS occurred_at,
    CASE event WHEN 'shipped' THEN 'AW' END AS location_id, CASE event WHEN 'shipped' THEN m.Name END AS carrier
FROM (
    SELECT *, CASE Status WHEN '4' THEN 'rejected' WHEN '5' THEN 'shipped' WHEN '6' THEN 'cancelled' END AS event
    FROM sales
) s
ASOF LEFT JOIN (
    SELECT ShipMethodID, file_sequence, arg_max(Name, record_number) AS Name FROM ship_methods GROUP BY ALL
) m
    ON s.ShipMethodID = m.ShipMethodID AND s.file_sequence >= m.file_sequence
WHERE event IS NOT NULL
