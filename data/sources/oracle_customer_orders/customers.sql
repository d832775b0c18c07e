SELECT file_id, record_number, customer_id, full_name AS name, email_address AS email
FROM customers
