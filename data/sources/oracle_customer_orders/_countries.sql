-- Where the stores are: their addresses name the country in some cases only. `Online` is nowhere.
SELECT * FROM (VALUES
    ('San Francisco', 'US'), ('Seattle', 'US'), ('New York City', 'US'), ('Chicago', 'US'), ('London', 'GB'),
    ('Bucharest', 'RO'), ('Berlin', 'DE'), ('Utrecht', 'NL'), ('Madrid', 'ES'), ('Johannesburg', 'ZA'), ('Lagos', 'NG'),
    ('Vienna', 'AT'), ('Mumbai', 'IN'), ('New Dehli', 'IN'), ('Sydney', 'AU'), ('Perth', 'AU'), ('São Paulo', 'BR'),
    ('Buenos Aires', 'AR'), ('Mexico City', 'MX'), ('Bejing', 'CN'), ('Tokyo', 'JP'), ('Tel Aviv', 'IL')
) AS listed(store_name, country)
