-- The shop's names of countries. `code` is empty where the name says no country; a name that is not listed is passed on
-- as it is, so that the order is rejected and the name can be added here.
SELECT * FROM (VALUES
    ('Australia', 'AU'), ('Austria', 'AT'), ('Bahrain', 'BH'), ('Belgium', 'BE'), ('Brazil', 'BR'), ('Canada', 'CA'),
    ('Channel Islands', 'JE'),  -- Jersey or Guernsey, the file does not say; Jersey is the larger one
    ('Cyprus', 'CY'), ('Czech Republic', 'CZ'), ('Denmark', 'DK'),
    ('EIRE', 'IE'),
    ('European Community', NULL),
    ('Finland', 'FI'), ('France', 'FR'), ('Germany', 'DE'), ('Greece', 'GR'), ('Hong Kong', 'HK'), ('Iceland', 'IS'),
    ('Israel', 'IL'), ('Italy', 'IT'), ('Japan', 'JP'), ('Lebanon', 'LB'), ('Lithuania', 'LT'), ('Malta', 'MT'),
    ('Netherlands', 'NL'), ('Norway', 'NO'), ('Poland', 'PL'), ('Portugal', 'PT'),
    ('RSA', 'ZA'),
    ('Saudi Arabia', 'SA'), ('Singapore', 'SG'), ('Spain', 'ES'), ('Sweden', 'SE'), ('Switzerland', 'CH'),
    ('USA', 'US'), ('United Arab Emirates', 'AE'), ('United Kingdom', 'GB'),
    ('Unspecified', NULL)
) AS listed(country, code)
