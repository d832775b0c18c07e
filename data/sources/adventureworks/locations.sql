-- The ledger knows one place only; the shop floors and shelves of the inventory are all in it.
SELECT file_id, min(record_number) AS record_number, 'AW' AS location_id, 'Adventure Works' AS name, 'US' AS country
FROM (SELECT file_id, record_number FROM movements UNION ALL SELECT file_id, record_number FROM inventory)
GROUP BY file_id
