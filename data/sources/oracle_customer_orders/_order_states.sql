-- Every version of an order, and the file that brought the next one.
SELECT *,
    CASE store_id WHEN '1' THEN 'online' ELSE 'store' END AS channel,
    lead(file_sequence) OVER (PARTITION BY order_id ORDER BY file_sequence, record_number) AS replaced_by
FROM orders
