-- From which day on a cost and a price of a product held: both as they were known after each record that tells of one.
WITH told AS (
    SELECT ProductID, StartDate, StandardCost, NULL AS ListPrice, file_sequence * 1000000000 + record_number AS turn
    FROM costs
    UNION ALL
    SELECT ProductID, StartDate, NULL, ListPrice, file_sequence * 1000000000 + record_number FROM prices
)
SELECT ProductID, StartDate, turn,
    last_value(StandardCost IGNORE NULLS) OVER so_far AS cost,
    last_value(ListPrice IGNORE NULLS) OVER so_far AS price,
    min(turn) OVER (PARTITION BY ProductID, StartDate) AS first_turn,
    min(StartDate) OVER (PARTITION BY ProductID ORDER BY turn) AS earliest
FROM told
WINDOW so_far AS (
    PARTITION BY ProductID, StartDate ORDER BY turn ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
)
