-- Every record that says something of a line of a purchase order, and the line as it was known once its file was taken
-- in: its own record, that of its order, and the day on which the ledger booked it in (the ledger names its order and
-- product; no order has a product twice).
WITH changes AS (
    SELECT file_id, record_number, file_sequence, PurchaseOrderDetailID AS line FROM purchase_lines
    UNION ALL
    SELECT DISTINCT o.file_id, o.record_number, o.file_sequence, l.PurchaseOrderDetailID
    FROM purchases o JOIN purchase_lines l
        ON l.PurchaseOrderID = o.PurchaseOrderID AND l.file_sequence < o.file_sequence
    UNION ALL
    SELECT DISTINCT m.file_id, m.record_number, m.file_sequence, l.PurchaseOrderDetailID
    FROM movements m JOIN purchase_lines l
        ON m.TransactionType = 'P' AND l.PurchaseOrderID = m.ReferenceOrderID AND l.ProductID = m.ProductID
        AND l.file_sequence < m.file_sequence
), told AS (
    SELECT *, file_sequence * 1000000000 + record_number AS turn FROM changes
)
SELECT told.file_id, told.record_number, told.file_sequence, l.* EXCLUDE (turn), o.Status, o.VendorID, o.OrderDate,
    booked.TransactionDate AS booked_at, booked.Quantity AS booked_quantity
FROM told
ASOF JOIN (
    SELECT * EXCLUDE (file_id, file_name, record_number, file_sequence, is_new),
        file_sequence * 1000000000 + record_number AS turn
    FROM purchase_lines
) l ON told.line = l.PurchaseOrderDetailID AND told.turn >= l.turn
ASOF JOIN (SELECT *, file_sequence * 1000000000 + record_number AS turn FROM purchases) o
    ON l.PurchaseOrderID = o.PurchaseOrderID AND told.turn >= o.turn
ASOF LEFT JOIN (
    SELECT ReferenceOrderID, ProductID, TransactionDate, Quantity,
        file_sequence * 1000000000 + record_number AS turn
    FROM movements WHERE TransactionType = 'P'
) booked ON l.PurchaseOrderID = booked.ReferenceOrderID AND l.ProductID = booked.ProductID AND told.turn >= booked.turn
