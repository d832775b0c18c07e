-- The ledger: P is bought, W is made (both come in), S is sold (goes out). Only a purchase tells a cost: the amount
-- beside a sale is its price, the one beside a work order 0.
SELECT file_id, record_number, TransactionID AS movement_id, ProductID AS sku, 'AW' AS location_id,
    TransactionDate AS moved_at, CASE TransactionType WHEN 'S' THEN 'shipment' ELSE 'receipt' END AS kind,
    CASE TransactionType WHEN 'S' THEN '-' || Quantity ELSE Quantity END AS quantity,
    CASE TransactionType WHEN 'P' THEN ActualCost END AS unit_cost,
    CASE TransactionType WHEN 'P' THEN 'PO' WHEN 'S' THEN 'SO' WHEN 'W' THEN 'WO' END || ReferenceOrderID AS reference,
    nullif(concat_ws(chr(10),
        CASE
            WHEN TransactionType IS NULL THEN 'TransactionType: missing: in or out is not said'
            WHEN TransactionType NOT IN ('P', 'S', 'W') THEN 'TransactionType: not_allowed: ' || TransactionType
        END,
        CASE
            WHEN Quantity IS NULL THEN 'Quantity: missing: how many is not said'
            WHEN NOT regexp_full_match(Quantity, '[0-9]+') THEN 'Quantity: format: ' || Quantity
        END
    ), '') AS reject_reason
FROM movements
