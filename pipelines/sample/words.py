"""The words a sample shop is made of: people, places, goods."""

FIRST_NAMES = (
    "Anna", "Jürgen", "Sophie", "Lukas", "Marie-Luise", "Björn", "Zoë", "Thomas", "Käthe", "Søren", "Émilie",
    "François",
    "Giulia", "Matteo", "Agnieszka", "Łukasz", "Nele", "Hannah", "Leon", "Paul", "Emma", "Mia", "Felix", "Maximilian",
    "Katharina", "Sabine", "Uwe", "Heike", "Andreas", "Stefan", "Monika", "Claudia", "Daan", "Sanne", "Pieter", "Lotte",
    "Camille", "Hugo", "Chloé", "Antoine", "Oliver", "Charlotte", "Noah", "Ben", "Ida", "Frieda", "Karl-Heinz",
    "Renate",
    "Johanna", "Moritz", "Elif", "Mehmet", "Ayşe", "Olena", "Dmytro", "Siobhán", "Beatriz", "Joaquín", "Anton", "Greta",
)  # fmt: skip
LAST_NAMES = (
    "Müller", "Schmidt", "Schneider", "Fischer", "Weber", "Meyer", "Wagner", "Becker", "Schulz", "Hoffmann", "Schäfer",
    "Koch", "Bauer", "Richter", "Klein", "Wolf", "Schröder", "Neumann", "Schwarz", "Zimmermann", "Braun", "Krüger",
    "Groß",
    "Hofmann", "Hartmann", "Lange", "Weiß", "Köhler", "Jäger", "Huber", "Gruber", "Steiner", "Pichler", "de Vries",
    "van den Berg", "Jansen", "Bakker", "Dubois", "Lefèvre", "Moreau", "Rousseau", "O'Connor", "Smith", "Taylor",
    "Kowalska", "Nowak", "Wiśniewski", "Yılmaz", "Kaya", "Rossi", "Bianchi", "García", "Peeters", "Janssens", "Brunner",
    "Freiherr von Hohenlohe-Langenburg", "Meier-Leutheusser", "Lindström", "Sørensen", "Ortiz de Zárate",
)  # fmt: skip
TRADES = (
    "{} GmbH", "{} & Söhne KG", "Bäckerei {}", "Café {}", "Hotel {}", "Praxis {}", "{} Interieur", "Blumen {}",
    "{} OHG",
    "Gasthof {}", "Buchhandlung {}", "{} Einrichtungen GmbH & Co. KG", "Kanzlei {}, Partnerschaft mbB", "{} B.V.",
    'Restaurant "Zum {}"', "Atelier {}", "{} Facility Services AG", "Kita {} e.V.",
)  # fmt: skip
STREETS = (
    "Hauptstraße", "Bahnhofstraße", "Gartenweg", "Schillerstraße", "Goethestraße", "Lindenallee", "Am Mühlbach",
    "Kirchgasse", "Bergstraße", "Ringstraße", "Dorfplatz", "Rosenweg", "Marktplatz", "Kastanienallee", "Uferpromenade",
    "Karl-Liebknecht-Straße", "An der alten Ziegelei", "Feldstraße", "Münsterplatz", "Wiesengrund",
)  # fmt: skip
FOREIGN_STREETS = {
    "NL": ("Kerkstraat", "Dorpsstraat", "Prinsengracht", "Molenweg", "Stationsweg", "Beukenlaan"),
    "FR": ("rue de la République", "avenue Jean-Jaurès", "rue Pasteur", "place de l'Église", "chemin des Lilas"),
    "GB": ("High Street", "Station Road", "Church Lane", "Victoria Road", "The Green"),
    "BE": ("Stationsstraat", "Nieuwstraat", "rue Haute", "Kerkplein"),
    "PL": ("ulica Polna", "ulica Leśna", "aleja Niepodległości", "ulica Ogrodowa"),
}

COUNTRIES = ("DE", "AT", "NL", "FR", "CH", "GB", "BE", "PL")
COUNTRY_SHARES = (0.62, 0.11, 0.08, 0.06, 0.06, 0.03, 0.02, 0.02)
LANGUAGES = {"DE": "de", "AT": "de", "NL": "nl", "FR": "fr", "CH": "de", "GB": "en", "BE": "nl", "PL": "pl"}
DIALLING = {"DE": "+49", "AT": "+43", "NL": "+31", "FR": "+33", "CH": "+41", "GB": "+44", "BE": "+32", "PL": "+48"}
TRANSIT_DAYS = {"DE": 1, "AT": 2, "NL": 1, "FR": 2, "CH": 3, "GB": 4, "BE": 2, "PL": 3}
TAX_PERCENT = {
    "DE": (19, 7), "AT": (20, 10), "NL": (21, 9), "FR": (20, 5.5), "CH": (8.1, 2.6), "GB": (20, 0), "BE": (21, 6),
    "PL": (23, 5),
}  # fmt: skip
"""Standard and reduced rate of each country, in percent."""

CITIES = {
    "DE": (
        ("Berlin", "10", 3, ""), ("Hamburg", "20", 3, ""), ("München", "80", 3, ""), ("Köln", "50", 3, ""),
        ("Frankfurt am Main", "60", 3, ""), ("Leipzig", "04", 3, ""), ("Düsseldorf", "40", 3, ""), ("Nürnberg", "90",
        3, ""),
        ("Münster", "48", 3, ""), ("Freiburg im Breisgau", "79", 3, ""), ("Görlitz", "028", 2, ""), ("Rostock", "18",
        3, ""),
        ("Garmisch-Partenkirchen", "824", 2, ""), ("Göttingen", "370", 2, ""), ("Saarbrücken", "66", 3, ""),
    ),
    "AT": (("Wien", "1", 2, "0"), ("Graz", "80", 1, "0"), ("Linz", "40", 2, ""), ("Salzburg", "50", 1, "0")),
    "NL": (("Amsterdam", "10", 2, " KX"), ("Utrecht", "35", 2, " BN"), ("'s-Hertogenbosch", "52", 2, " AP")),
    "FR": (("Paris", "750", 2, ""), ("Lyon", "6900", 1, ""), ("Strasbourg", "67", 1, "00"), ("Orléans", "45", 1, "00")),
    "CH": (("Zürich", "80", 2, ""), ("Basel", "40", 2, ""), ("Genève", "12", 2, ""), ("Bern", "30", 2, "")),
    "GB": (("London", "SE", 1, " 4TY"), ("Manchester", "M", 1, " 2FF"), ("Edinburgh", "EH", 1, " 7PX")),
    "BE": (("Antwerpen", "20", 2, ""), ("Liège", "40", 2, ""), ("Gent", "90", 2, "")),
    "PL": (("Warszawa", "00-", 3, ""), ("Kraków", "30-", 3, ""), ("Łódź", "90-", 3, "")),
}  # fmt: skip
"""City, beginning of its postcode, digits that follow, end."""

# Category: prefix, reduced tax, lowest and highest list price, kilograms, month of its season (0 = none), nouns, kinds.
CATEGORIES = {
    "Kitchen": ("KIT", False, 4, 160, 1.1, 12,
        ("Saucepan", "Kettle", "Bread Knife", "Mixing Bowl", "Grater", "Casserole", "Coffee Press", "Storage Jar"),
        ("Enamel", "Cast Iron", "Stainless Steel", "Stoneware", "Borosilicate", "Beech Wood")),
    "Tableware": ("TAB", False, 3, 60, 0.5, 12,
        ("Dinner Plate", "Espresso Cup", "Wine Glass", "Carafe", "Cereal Bowl", "Serving Platter", "Mug", "Egg Cup"),
        ("Porcelain", "Hand-blown", "Stoneware", "Speckled", "Fine Bone", "Olive Wood")),
    "Home Textiles": ("TEX", False, 8, 140, 0.9, 11,
        ("Wool Blanket", "Cushion Cover", "Bath Towel", "Duvet Cover", "Table Runner", "Curtain", "Bath Mat"),
        ("Organic Cotton", "Merino", "Washed Linen", "Jacquard", "Waffle", "Herringbone")),
    "Lighting": ("LIG", False, 12, 290, 1.4, 11,
        ("Table Lamp", "Pendant", "Reading Light", "Lantern", "LED Bulb E27", "Wall Sconce", "String Lights"),
        ("Brass", "Opal Glass", "Rattan", "Smoked Glass", "Powder-coated", "Paper")),
    "Garden": ("GAR", False, 3, 220, 2.2, 5,
        ("Watering Can", "Secateurs", "Planter", "Raised Bed", "Bird Feeder", "Hand Trowel", "Hose Reel", "Parasol"),
        ("Galvanised", "Terracotta", "Larch", "Corten Steel", "Forged", "Recycled")),
    "Toys": ("TOY", False, 5, 95, 0.7, 12,
        ("Building Blocks", "Puzzle 500 Pieces", "Marble Run", "Doll's House", "Train Set", "Memory Game", "Kite"),
        ("Wooden", "Rainbow", "Classic", "Pocket", "Grand", "Little")),
    "Stationery": ("STA", False, 1, 45, 0.2, 9,
        ("Notebook A5", "Fountain Pen", "Desk Calendar", "Pencil Set", "Gift Wrap", "Letter Tray", "Sketchbook"),
        ("Dotted", "Ruled", "Recycled", "Leather-bound", "Refillable", "Letterpress")),
    "Books": ("BOK", True, 7, 48, 0.6, 12,
        ("Baking at Home", "The Small Garden", "Walks along the Elbe", "Repair It Yourself", "Sourdough",
        "Lamps & Light"),
        ("Illustrated", "Pocket Edition", "Hardback", "Second Edition", "Bilingual", "Large Print")),
    "Pantry": ("PAN", True, 2, 32, 0.6, 12,
        ("Olive Oil 500 ml", "Wildflower Honey", "Espresso Beans 1 kg", "Sea Salt", "Earl Grey Tea", "Jam, Apricot",
        "Muesli"),
        ("Organic", "Single Estate", "Cold-pressed", "Alpine", "Fairtrade", "Reserve")),
    "Pets": ("PET", False, 3, 110, 1.3, 0,
        ("Dog Bed", "Cat Tree", "Feeding Bowl", "Leash", "Scratching Post", "Chew Toy", "Travel Carrier"),
        ("Washable", "Sisal", "Cork", "Reflective", "Ceramic", "Felt")),
}  # fmt: skip
RANGES = (
    "Linnea", "Halvar", "Fjord", "Nørdlys", "Elbe", "Isar", "Toscana", "Brio", "Atelier No. 7", "Käpt'n", "Mistral",
    "Solveig",
    "Wiener", "Kupfer & Co.", "Bauhaus 1919", "Almhütte", "Zephyr", "Marais", "Ostsee", "Pico", "Lumi", "Hygge",
    "Tilda", "Arno",
)  # fmt: skip
VARIANTS = (
    "white", "anthracite", "sage", "natural", "midnight blue", "terracotta", "mustard", "rosé", "S", "M", "L", "XL",
    '10"', '12"', "set of 2", "set of 4", "small", "large", "olive", "black",
)  # fmt: skip

SUPPLIERS = (
    ("Porzellanfabrik Rehau", "DE", 8), ("Emaillewerk Nordhausen", "DE", 12), ("Van Houten Textiel", "NL", 9),
    ("Filature de l'Orne", "FR", 14), ("Lichtwerk Thüringen", "DE", 10), ("Cerâmica do Norte", "PT", 21),
    ("Holzspielzeug Seiffen", "DE", 11), ("Papiermühle Lenzen", "DE", 6), ("Buchgroßhandel Mitte", "DE", 3),
    ("Frantoio Bianchi", "IT", 15), ("Imkerei Alpenblick", "AT", 7), ("Gartenbedarf Sønderborg", "DK", 13),
    ("Stahlwaren Solingen", "DE", 9), ("Weberei Poznań", "PL", 16), ("Shenzhen Home Goods", "CN", 28),
    ("Tierbedarf Ostwestfalen", "DE", 5), ("Glashütte Bohemia", "CZ", 17), ("Anatolia Textiles", "TR", 24),
    ("Kaffeerösterei Speicherstadt", "DE", 4), ("Atelier du Marais", "FR", 12),
)  # fmt: skip

# Identifier, name, country, postcode, time zone, serves as, cut-off, share of all orders it can send, handling days.
LOCATIONS = (
    ("WH-LEIPZIG", "Zentrallager Leipzig", "DE", "04356", "Europe/Berlin", 1, "14:00", 1.3, 1),
    ("WH-VENLO", "Magazijn Venlo", "NL", "5928 SC", "Europe/Amsterdam", 2, "13:00", 0.6, 1),
    ("ST-BERLIN", 'Laden Berlin "Kollwitz"', "DE", "10435", "Europe/Berlin", 3, "12:00", 0.1, 1),
    ("ST-WIEN", "Filiale Wien, Neubaugasse", "AT", "1070", "Europe/Vienna", 4, "12:00", 0.1, 2),
)
CARRIERS = (("DHL", "JJD0003", 0.5), ("DPD", "0104", 0.22), ("GLS", "GL7", 0.18), ("PostNL", "3SABCD", 0.1))
"""Carrier, how its tracking numbers begin, share of parcels."""

NOTES = (
    "Bitte beim Nachbarn abgeben", "Ring twice, the bell is slow", 'Gift: please write "Alles Gute, Oma!" on the card',
    "Klingel: Müller-Lüdenscheidt", "Livraison au gardien, merci", "No plastic packaging, please",
    "2. Hinterhof, 3. Stock",
    "Lieferung erst ab 10 Uhr", "Cost centre 4711", "Leave in the shed; dog is friendly",
)  # fmt: skip
CANCEL_REASONS = ("customer changed mind", "ordered twice", "delivery too late", "found cheaper", "wrong address")
RETURN_REASONS = ("does not please", "damaged in transit", "wrong item", "wrong size", "arrived too late", "faulty")
HOLD_REASONS = ("payment review", "address check", "fraud score", "customer asked to wait")
PICKERS = ("a.nowak", "j.koehler", "m.yilmaz", "s.brandt", "t.jansen", "l.weiss")
CASES = (
    ("delivery", "Where is my parcel?"), ("delivery", "Wo bleibt meine Bestellung, bitte?"),
    ("return", "How do I send this back?"), ("damaged", "Die Tasse kam mit Sprung an"),
    ("product", "Is the lamp dimmable?"), ("invoice", 'Need the invoice made out to "Praxis Dr. Groß"'),
    ("dispute", "I was charged for an item that never came"), ("address", "Wrong street number, please change"),
)  # fmt: skip
