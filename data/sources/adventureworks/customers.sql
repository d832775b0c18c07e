-- Who buys: a shop with its name, or a person, whose name is in no file; anew when the files of shops and territories
-- tell more.
WITH changes AS (
    SELECT file_id, record_number, file_sequence, CustomerID AS id FROM customers
    UNION ALL
    SELECT DISTINCT s.file_id, s.record_number, s.file_sequence, c.CustomerID
    FROM stores s JOIN customers c ON c.StoreID = s.BusinessEntityID AND c.file_sequence < s.file_sequence
    UNION ALL
    SELECT DISTINCT t.file_id, t.record_number, t.file_sequence, c.CustomerID
    FROM territories t JOIN customers c ON c.TerritoryID = t.TerritoryID AND c.file_sequence < t.file_sequence
), told AS (
    SELECT *, file_sequence * 1000000000 + record_number AS turn FROM changes
)
SELECT told.file_id, told.record_number, id AS customer_id, s.Name AS name,
    CASE WHEN c.StoreID IS NULL THEN 'consumer' ELSE 'business' END AS segment,
    t.Name AS region, t.CountryRegionCode AS country
FROM told
ASOF JOIN (
    SELECT CustomerID, StoreID, TerritoryID, file_sequence * 1000000000 + record_number AS turn FROM customers
) c ON told.id = c.CustomerID AND told.turn >= c.turn
ASOF LEFT JOIN (SELECT BusinessEntityID, Name, file_sequence * 1000000000 + record_number AS turn FROM stores) s
    ON c.StoreID = s.BusinessEntityID AND told.turn >= s.turn
ASOF LEFT JOIN (
    SELECT TerritoryID, Name, CountryRegionCode, file_sequence * 1000000000 + record_number AS turn FROM territories
) t ON c.TerritoryID = t.TerritoryID AND told.turn >= t.turn
