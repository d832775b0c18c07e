-- What the lines of an order are worth beyond its total is its discount, shared among them by worth to the cent; as it
-- was known once a file with the order or with lines of it was taken in.
WITH known AS (
    SELECT SalesOrderID AS order_id, file_sequence FROM sales
    UNION
    SELECT ReferenceOrderID, file_sequence FROM sold
), totals AS (
    SELECT known.*, o.total
    FROM known ASOF JOIN (
        SELECT SalesOrderID, file_sequence, arg_max(try_cast(SubTotal AS DECIMAL(18, 4)), record_number) AS total
        FROM sales GROUP BY ALL
    ) o ON known.order_id = o.SalesOrderID AND known.file_sequence >= o.file_sequence
), summed AS (
    SELECT totals.order_id, totals.file_sequence, ReferenceOrderLineID AS line_no,
        cents, sum(cents) OVER so_far AS cents_so_far, sum(cents) OVER of_order AS all_cents,
        sum(cents) OVER of_order - CAST(round(total, 2) * 100 AS HUGEINT) AS off,
        sum(worth) OVER of_order > total AS is_reduced
    FROM totals JOIN sold
        ON sold.ReferenceOrderID = totals.order_id AND sold.file_sequence <= totals.file_sequence AND telling = 1
    WINDOW of_order AS (PARTITION BY totals.order_id, totals.file_sequence),
        so_far AS (
            PARTITION BY totals.order_id, totals.file_sequence
            ORDER BY try_cast(ReferenceOrderLineID AS BIGINT), record_number ROWS UNBOUNDED PRECEDING
        )
)
SELECT order_id, line_no, file_sequence,
    CAST(CAST(
        (2 * off * cents_so_far + all_cents) // (2 * all_cents)
            - (2 * off * (cents_so_far - cents) + all_cents) // (2 * all_cents)
    AS DECIMAL(18, 2)) / 100 AS DECIMAL(18, 2)) AS amount
FROM summed WHERE is_reduced AND off > 0
