-- Every record that says something of a product, and how the product was known once its file was taken in: itself, or
-- the names of its subcategory and category. `turn` is the place of a record among all of the source.
WITH changes AS (
    SELECT file_id, record_number, file_sequence, ProductID FROM products
    UNION ALL
    SELECT DISTINCT s.file_id, s.record_number, s.file_sequence, p.ProductID
    FROM subcategories s JOIN products p
        ON p.ProductSubcategoryID = s.ProductSubcategoryID AND p.file_sequence < s.file_sequence
    UNION ALL
    SELECT DISTINCT c.file_id, c.record_number, c.file_sequence, p.ProductID
    FROM categories c
    JOIN subcategories s ON s.ProductCategoryID = c.ProductCategoryID AND s.file_sequence < c.file_sequence
    JOIN products p ON p.ProductSubcategoryID = s.ProductSubcategoryID AND p.file_sequence < c.file_sequence
    UNION ALL
    SELECT file_id, record_number, file_sequence, ProductID FROM costs
    UNION ALL
    SELECT file_id, record_number, file_sequence, ProductID FROM prices
), told AS (
    SELECT * EXCLUDE (ProductID), ProductID AS sku, file_sequence * 1000000000 + record_number AS turn FROM changes
)
SELECT told.*, p.*, k.Name AS category
FROM told
ASOF JOIN (
    SELECT * EXCLUDE (file_id, record_number, file_sequence, file_name, is_new),
        file_sequence * 1000000000 + record_number AS product_turn
    FROM products
) p ON told.sku = p.ProductID AND told.turn >= p.product_turn
ASOF LEFT JOIN (
    SELECT ProductSubcategoryID AS subcategory, ProductCategoryID,
        file_sequence * 1000000000 + record_number AS subcategory_turn
    FROM subcategories
) s ON p.ProductSubcategoryID = s.subcategory AND told.turn >= s.subcategory_turn
ASOF LEFT JOIN (
    SELECT ProductCategoryID AS category_id, Name, file_sequence * 1000000000 + record_number AS category_turn
    FROM categories
) k ON s.ProductCategoryID = k.category_id AND told.turn >= k.category_turn
