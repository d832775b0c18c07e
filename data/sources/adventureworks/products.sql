-- A product with every cost and price it had, each from the day it held: before the first day it has the first, and
-- after its last day of sale it is no longer active. A record that says something of it tells anew all that is known.
WITH versions AS (
    SELECT goods.*, known.earliest AS held_from, NULL AS updated_at
    FROM goods ASOF LEFT JOIN history known ON goods.ProductID = known.ProductID AND goods.turn >= known.turn
    UNION ALL
    SELECT goods.*, days.StartDate, days.StartDate
    FROM goods JOIN (SELECT DISTINCT ProductID, StartDate, first_turn FROM history) days
        ON days.ProductID = goods.ProductID AND days.first_turn <= goods.turn
), valued AS (
    SELECT versions.*, true AS is_active, coalesce(known.cost, StandardCost) AS cost,
        coalesce(known.price, ListPrice) AS price
    FROM versions ASOF LEFT JOIN history known
        ON versions.ProductID = known.ProductID AND versions.held_from = known.StartDate AND versions.turn >= known.turn
    UNION ALL
    SELECT *, NULL,
        coalesce(strftime(try_cast(left(SellEndDate, 10) AS DATE) + INTERVAL 1 DAY, '%Y-%m-%dT00:00:00'), SellEndDate),
        false, StandardCost, ListPrice
    FROM goods WHERE SellEndDate IS NOT NULL
)
SELECT file_id, record_number, sku, Name AS name, category, price AS unit_price,
    CASE WHEN try_cast(cost AS DECIMAL(18, 4)) = 0 THEN NULL ELSE cost END AS unit_cost, 'USD' AS currency,
    CAST(
        try_cast(Weight AS DECIMAL(9, 2))
        * CASE trim(WeightUnitMeasureCode) WHEN 'LB' THEN 0.45359237 WHEN 'G' THEN 0.001 END
    AS DECIMAL(18, 4)) AS weight_kg,
    SafetyStockLevel AS stated_safety_stock, ReorderPoint AS stated_reorder_point, is_active, updated_at
FROM valued
