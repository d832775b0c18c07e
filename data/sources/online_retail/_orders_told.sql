-- An invoice is an order when it has a line that is a sale. One row per invoice and file that brought lines of it, as
-- it was known after that file; `delivery` counts these files.
WITH brought AS (
    SELECT InvoiceNo AS order_id, file_id, file_sequence, min(record_number) AS record_number, min(moment) AS first_at,
        arg_min(customer_id, record_number) AS customer_id, arg_min(Country, record_number) AS country
    FROM told WHERE is_sale GROUP BY InvoiceNo, file_id, file_sequence
)
SELECT order_id, file_id, record_number,
    row_number() OVER in_turn AS delivery,
    min(first_at) OVER in_turn AS ordered_at,
    first_value(customer_id) OVER in_turn AS customer_id,
    first_value(country) OVER in_turn AS country
FROM brought
WINDOW in_turn AS (PARTITION BY order_id ORDER BY file_sequence)
