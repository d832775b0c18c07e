-- The sales of the ledger are the lines of the orders; each with its worth, exact and in whole cents; `telling` counts
-- how often it came.
SELECT *, CAST(round(worth, 2) * 100 AS HUGEINT) AS cents,
    row_number() OVER (
        PARTITION BY ReferenceOrderID, ReferenceOrderLineID ORDER BY file_sequence, record_number
    ) AS telling
FROM (
    SELECT *, CASE WHEN regexp_full_match(Quantity, '[0-9]{1,9}')
        THEN CAST(Quantity AS DECIMAL(9, 0)) * try_cast(ActualCost AS DECIMAL(18, 4))
    END AS worth
    FROM movements WHERE TransactionType = 'S'
)
