-- A vendor, and anew when its products tell how long it takes: the middle one of their lead times. Without any it
-- cannot be said, and the vendor is rejected.
WITH changes AS (
    SELECT file_id, record_number, file_sequence, BusinessEntityID AS vendor FROM vendors
    UNION ALL
    SELECT file_id, record_number, file_sequence, BusinessEntityID FROM vendor_products
), told AS (
    SELECT *, file_sequence * 1000000000 + record_number AS turn FROM changes
)
SELECT told.file_id, told.record_number, vendor AS supplier_id, v.Name AS name, 'USD' AS currency,
    CAST(lead_time_days AS VARCHAR) AS lead_time_days,
    CASE WHEN vendor_products_file IS NULL
        THEN 'BusinessEntityID: missing: no product of vendor ' || vendor || ' says how long it takes'
    END AS reject_reason
FROM told
ASOF JOIN (SELECT *, file_sequence * 1000000000 + record_number AS turn FROM vendors) v
    ON told.vendor = v.BusinessEntityID AND told.turn >= v.turn
ASOF LEFT JOIN (
    SELECT BusinessEntityID, file_sequence AS vendor_products_file,
        quantile_disc(try_cast(AverageLeadTime AS BIGINT), 0.5) AS lead_time_days
    FROM vendor_products GROUP BY ALL
) t ON told.vendor = t.BusinessEntityID AND told.file_sequence >= t.vendor_products_file
