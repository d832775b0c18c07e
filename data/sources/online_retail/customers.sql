-- Who bought; the country is that of the first line.
WITH seen AS (
    SELECT *, row_number() OVER (PARTITION BY customer_id ORDER BY file_sequence, record_number) AS line
    FROM told WHERE is_sale AND customer_id IS NOT NULL
)
SELECT file_id, record_number, customer_id, CASE WHEN listed.country IS NULL THEN seen.country ELSE code END AS country
FROM seen LEFT JOIN countries listed USING (country) WHERE line = 1
