-- Every version of an order item, and the file that brought the next one.
SELECT *, lead(file_sequence) OVER (
    PARTITION BY order_id, line_item_id ORDER BY file_sequence, record_number
) AS replaced_by
FROM order_items
