-- Every line of every file, with what it says: a sale, a cancellation, or why it can be neither (one reason a line).
--
-- A line has no number of its own, and an invoice may hold the same line twice. The nth equal line of a file is taken
-- for the nth equal line of a later file: that one is a repeat and says nothing new. All others are numbered within
-- their invoice in the order they came.
WITH copies AS (
    SELECT *,
        row_number() OVER (
            PARTITION BY file_id,
                InvoiceNo, StockCode, Description, Quantity, InvoiceDate, UnitPrice, CustomerID, Country
            ORDER BY record_number
        ) AS copy
    FROM lines
), firsts AS (
    SELECT *,
        min(file_sequence) OVER (
            PARTITION BY InvoiceNo, StockCode, Description, Quantity, InvoiceDate, UnitPrice, CustomerID, Country, copy
        ) < file_sequence AS is_repeat
    FROM copies
), numbered AS (
    SELECT *, row_number() OVER (PARTITION BY InvoiceNo, is_repeat ORDER BY file_sequence, record_number) AS place
    FROM firsts
), typed AS (
    SELECT * EXCLUDE (copy, place),
        -- A repeat has the number of the line it repeats.
        first_value(place) OVER (
            PARTITION BY InvoiceNo, StockCode, Description, Quantity, InvoiceDate, UnitPrice, CustomerID, Country, copy
            ORDER BY file_sequence
        ) AS line_no,
        regexp_replace(CustomerID, '\.0$', '') AS customer_id,
        CASE WHEN regexp_full_match(Quantity, '-?[0-9]+') THEN try_cast(Quantity AS BIGINT) END AS units,
        CASE WHEN regexp_full_match(UnitPrice, '-?[0-9]+(\.[0-9]{1,4})?')
            THEN try_cast(UnitPrice AS DECIMAL(18, 4)) END AS price,
        CASE WHEN regexp_full_match(
                InvoiceDate, '[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?')
            THEN try_cast(InvoiceDate AS TIMESTAMP) END AS moment
    FROM numbered
), judged AS (
    SELECT *,
        nullif(concat_ws(chr(10),
            CASE WHEN InvoiceNo IS NULL THEN 'InvoiceNo: missing: a line of no invoice' END,
            CASE WHEN StockCode IS NULL THEN 'StockCode: missing: a line without a product' END,
            CASE
                WHEN Quantity IS NULL THEN 'Quantity: missing: how many is not said'
                WHEN units IS NULL THEN 'Quantity: format: ' || Quantity
                WHEN units = 0 THEN 'Quantity: range: 0'
                WHEN units < 0 AND InvoiceNo NOT LIKE 'C%'
                    THEN 'Quantity: range: ' || Quantity || ' on an invoice that is no cancellation'
            END,
            CASE
                WHEN UnitPrice IS NULL THEN 'UnitPrice: missing: no price, not even 0'
                WHEN price IS NULL THEN 'UnitPrice: format: ' || UnitPrice
                WHEN price < 0 THEN 'UnitPrice: range: ' || UnitPrice || ' is below zero, which no price is'
            END,
            CASE
                WHEN InvoiceDate IS NULL THEN 'InvoiceDate: missing: when it was sold is not said'
                WHEN moment IS NULL THEN 'InvoiceDate: format: ' || InvoiceDate
            END
        ), '') AS fault
    FROM typed
)
SELECT *,
    fault IS NULL AND units > 0 AND NOT is_repeat AS is_sale,
    fault IS NULL AND units < 0 AS is_cancellation
FROM judged
