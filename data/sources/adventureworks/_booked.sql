-- What purchase orders say was received, against what the ledger booked in, by the status of the orders. No step of the
-- mapping: a proof that no unit is lost between the two.
WITH latest AS (
    SELECT *, CASE Status WHEN '1' THEN 'pending' WHEN '2' THEN 'approved' WHEN '3' THEN 'rejected' ELSE 'complete' END
        AS order_status
    FROM bought
    QUALIFY row_number() OVER (
        PARTITION BY PurchaseOrderDetailID ORDER BY file_sequence DESC, record_number DESC
    ) = 1
)
SELECT order_status, count(*) AS lines,
    CAST(sum(CAST(OrderQty AS DECIMAL(18, 2))) AS BIGINT) AS ordered,
    CAST(sum(CAST(ReceivedQty AS DECIMAL(18, 2))) AS BIGINT) AS received,
    CAST(sum(CAST(RejectedQty AS DECIMAL(18, 2))) AS BIGINT) AS sent_back,
    count(*) FILTER (booked_at IS NULL) AS lines_not_booked,
    CAST(coalesce(sum(CAST(booked_quantity AS BIGINT)), 0) AS BIGINT) AS booked,
    count(*) FILTER (CAST(ReceivedQty AS DECIMAL(18, 2)) < CAST(OrderQty AS DECIMAL(18, 2))) AS short_lines,
    count(*) FILTER (CAST(RejectedQty AS DECIMAL(18, 2)) > 0) AS lines_with_goods_sent_back
FROM latest GROUP BY order_status ORDER BY order_status
