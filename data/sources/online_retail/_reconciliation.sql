-- How the sum of quantity x unit price over all lines of the files becomes gross sales: every row is a term of it, but
-- for the last, which the others add up to. No step of the mapping: a proof that it loses no penny.
WITH valued AS (
    SELECT told.is_sale, told.is_cancellation, told.fault, told.units, told.price, sold.price AS sold_at,
        CAST(told.units * told.price AS DECIMAL(18, 4)) AS amount,
        CAST(round(told.units * told.price, 2) AS DECIMAL(18, 4)) AS rounded_amount,
        told.fault IS NULL AND told.units > 0 AND told.is_repeat OR coalesce(returns.is_known, false) AS is_known,
        returns.order_id IS NOT NULL AS is_matched
    FROM told
    LEFT JOIN returns ON returns.file_id = told.file_id AND returns.record_number = told.record_number
    LEFT JOIN told sold ON sold.is_sale AND sold.InvoiceNo = returns.order_id AND sold.line_no = returns.order_line_no
), terms AS (
    SELECT 1 AS place, 'gross sales, each line rounded to the penny' AS term, rounded_amount AS amount
    FROM valued WHERE is_sale
    UNION ALL
    SELECT 2, 'what rounding took from it', amount - rounded_amount FROM valued
    WHERE is_sale AND amount <> rounded_amount
    UNION ALL
    SELECT 3, 'returned, at the price of the sale', units * sold_at FROM valued WHERE is_matched
    UNION ALL
    SELECT 4, 'cancelled at another price than sold', units * (price - sold_at) FROM valued
    WHERE is_matched AND price <> sold_at
    UNION ALL
    SELECT 5, 'rejected: cancellations that meet no sale', amount FROM valued
    WHERE is_cancellation AND NOT is_matched AND NOT is_known
    UNION ALL
    SELECT 6, 'rejected: prices below zero', amount FROM valued WHERE fault IS NOT NULL AND price < 0
    UNION ALL
    SELECT 7, 'rejected: quantities below zero that cancel nothing', amount FROM valued
    WHERE fault IS NOT NULL AND price >= 0
    UNION ALL
    SELECT 8, 'delivered before, nothing new', amount FROM valued WHERE is_known
    UNION ALL
    SELECT 9, 'all lines of the files', amount FROM valued
)
SELECT term, count(*) AS lines, CAST(sum(CAST(amount AS DECIMAL(18, 4))) AS DECIMAL(18, 4)) AS amount
FROM terms GROUP BY place, term ORDER BY place
