-- Every cancellation of a known customer, with the sale that it gives back.
--
-- Cancellations take their turn within their customer and product: by file, time, invoice, record. Each takes the
-- customer's latest earlier line of that product that has enough left; what it takes is no longer there for the next.
-- A file knows only the sales of files taken in before it, and its own.
WITH RECURSIVE cancellations AS (
    SELECT file_id, record_number, file_sequence, InvoiceNo, line_no, customer_id, StockCode, moment, -units AS units,
        InvoiceNo || '/' || line_no AS return_id,
        row_number() OVER (
            PARTITION BY customer_id, StockCode ORDER BY file_sequence, moment, InvoiceNo, record_number
        ) AS turn
    FROM told WHERE is_cancellation AND customer_id IS NOT NULL
), bought AS (
    SELECT customer_id, StockCode,
        list(
            {
                'order_id': InvoiceNo, 'line_no': line_no, 'moment': moment, 'file_sequence': file_sequence,
                'units_left': units
            }
            ORDER BY moment DESC, InvoiceNo DESC, line_no DESC
        ) AS sales
    FROM told SEMI JOIN cancellations USING (customer_id, StockCode)
    WHERE is_sale GROUP BY customer_id, StockCode
), turns AS (
    SELECT customer_id, StockCode, 0::BIGINT AS turn, sales, []::VARCHAR[] AS returned,
        NULL::VARCHAR AS order_id, NULL::BIGINT AS line_no, false AS is_known
    FROM bought
    UNION ALL
    SELECT customer_id, StockCode, turn,
        list_transform(sales, lambda sale: struct_update(sale, units_left :=
            CASE WHEN sale.order_id = taken.order_id AND sale.line_no = taken.line_no
            THEN sale.units_left - units ELSE sale.units_left END)),
        CASE WHEN taken IS NULL THEN returned ELSE list_append(returned, return_id) END,
        taken.order_id, taken.line_no, is_known
    FROM (
        SELECT before.customer_id, before.StockCode, mine.turn, sales, returned, return_id, units,
            list_contains(returned, return_id) AS is_known,
            CASE WHEN NOT is_known THEN list_filter(sales, lambda sale:
                sale.moment < mine.moment AND sale.file_sequence <= mine.file_sequence AND sale.units_left >= units)[1]
            END AS taken
        FROM turns before JOIN cancellations mine
            ON mine.customer_id = before.customer_id AND mine.StockCode = before.StockCode
            AND mine.turn = before.turn + 1
    )
)
SELECT mine.*, turns.order_id, turns.line_no AS order_line_no, coalesce(turns.is_known, false) AS is_known,
    EXISTS (
        FROM told sale WHERE is_sale AND sale.customer_id = mine.customer_id AND sale.StockCode = mine.StockCode
            AND sale.moment < mine.moment AND sale.file_sequence <= mine.file_sequence
    ) AS was_bought
FROM cancellations mine LEFT JOIN turns USING (customer_id, StockCode, turn)
