SELECT file_id, record_number, order_id, 'online' AS channel, customer_id, ordered_at, 'GBP' AS currency,
    CASE WHEN listed.country IS NULL THEN told.country ELSE code END AS ship_country
FROM orders_told told LEFT JOIN countries listed USING (country)
