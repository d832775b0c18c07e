-- An order, and anew when the territories tell its country. Who sold it makes the channel.
WITH changes AS (
    SELECT file_id, record_number, file_sequence, SalesOrderID AS id FROM sales
    UNION ALL
    SELECT DISTINCT t.file_id, t.record_number, t.file_sequence, s.SalesOrderID
    FROM territories t JOIN sales s ON s.TerritoryID = t.TerritoryID AND s.file_sequence < t.file_sequence
), told AS (
    SELECT *, file_sequence * 1000000000 + record_number AS turn FROM changes
)
SELECT told.file_id, told.record_number, coalesce(SalesOrderNumber, 'SO' || id) AS order_id,
    CASE OnlineOrderFlag WHEN 'true' THEN 'online' WHEN 'false' THEN 'agent' ELSE OnlineOrderFlag END AS channel,
    CustomerID AS customer_id, OrderDate AS ordered_at, 'USD' AS currency, left(DueDate, 10) AS promised_on,
    t.CountryRegionCode AS ship_country, SalesPersonID AS agent_id, Freight AS shipping_amount,
    'the customer''s number: ' || PurchaseOrderNumber AS note,
    CASE
        WHEN Status IS NULL THEN 'Status: missing: where the order stands is not said'
        WHEN Status NOT IN ('1', '2', '3', '4', '5', '6') THEN 'Status: not_allowed: ' || Status
    END AS reject_reason
FROM told
ASOF JOIN (
    SELECT * EXCLUDE (file_id, record_number, file_sequence),
        file_sequence * 1000000000 + record_number AS turn
    FROM sales
) s ON told.id = s.SalesOrderID AND told.turn >= s.turn
ASOF LEFT JOIN (
    SELECT TerritoryID, CountryRegionCode, file_sequence * 1000000000 + record_number AS turn FROM territories
) t ON s.TerritoryID = t.TerritoryID AND told.turn >= t.turn
