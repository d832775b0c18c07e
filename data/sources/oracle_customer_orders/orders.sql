-- An order, and once more when a shipment tells where it goes.
SELECT file_id, record_number, order_id, channel, customer_id, order_tms AS ordered_at, 'USD' AS currency,
    store_id AS location_id, NULL AS ship_city, NULL AS ship_postcode, NULL AS ship_country,
    CASE
        WHEN order_status IS NULL THEN 'order_status: missing: where the order stands is not said'
        WHEN order_status NOT IN ('OPEN', 'PAID', 'SHIPPED', 'COMPLETE', 'CANCELLED', 'REFUNDED')
            THEN 'order_status: not_allowed: ' || order_status
        WHEN store_id IS NULL THEN 'store_id: missing: where it was sold is not said'
    END AS reject_reason
FROM order_states
UNION ALL
SELECT DISTINCT file_id, record_number, order_id, channel, customer_id, order_tms, 'USD', order_store_id,
    address.city, address.postcode, 'US', NULL
FROM parcels WHERE order_tms IS NOT NULL AND address.city <> ''
