-- Store 1 is the online shop; every parcel leaves from it.
SELECT file_id, record_number, store_id AS location_id, store_name AS name, country, store_id = '1' AS is_shippable
FROM stores LEFT JOIN countries USING (store_name)
