-- The lines of purchase orders. The status is that of their order, whatever was received: goods received on one that is
-- pending or rejected are an inbound that is ordered or cancelled with a received quantity.
SELECT file_id, record_number, 'PO' || PurchaseOrderID AS purchase_order_id, PurchaseOrderDetailID AS line_no,
    VendorID AS supplier_id, ProductID AS sku, 'AW' AS location_id, OrderQty AS quantity, UnitPrice AS unit_cost,
    left(OrderDate, 10) AS ordered_on, left(DueDate, 10) AS expected_on,
    CASE WHEN Status = '4' OR try_cast(ReceivedQty AS DECIMAL(18, 4)) > 0
        THEN left(coalesce(booked_at, ModifiedDate), 10)
    END AS received_on,
    CASE Status WHEN '1' THEN 'ordered' WHEN '2' THEN 'confirmed' WHEN '3' THEN 'cancelled' WHEN '4' THEN 'received'
    END AS status,
    regexp_replace(ReceivedQty, '\.0+$', '') AS received_quantity,
    CASE
        WHEN Status IS NULL THEN 'Status: missing: where the order stands is not said'
        WHEN Status NOT IN ('1', '2', '3', '4') THEN 'Status: not_allowed: ' || Status
    END AS reject_reason
FROM bought
