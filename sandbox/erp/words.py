BRANDS = ("Alpenrad", "Borealis", "Corvid", "Dunehill", "Ebbtide", "Fernwerk", "Granit", "Hollow & Sons")
CATEGORIES = ("Kitchen", "Garden", "Office", "Lighting", "Tools", "Outdoor", "Storage", "Bath")
MATERIALS = ("oak", "steel", "linen", "ceramic", "glass", "cork", "aluminium", "wool", "bamboo", "brass")
THINGS = (
    "kettle", "lamp", "shelf", "chair", "knife", "basket", "hook", "tray", "stool", "clock", "vase", "bench",
    "bottle", "board", "rack", "bowl",
)  # fmt: skip
FINISHES = ("matt", "polished", "raw", "oiled", "lacquered", "brushed")
TAGS = ("new", "bestseller", "clearance", "handmade", "recycled", "bulky", "fragile", "gift")
FIRST_NAMES = (
    "Anna", "Björn", "Chloé", "David", "Elif", "François", "Greta", "Hugo", "Ines", "Jürgen", "Katarzyna",
    "Luca", "Maja", "Noor", "Oskar", "Priya",
)  # fmt: skip
LAST_NAMES = (
    "Albrecht", "Bianchi", "Çelik", "Dubois", "Eriksson", "Fischer", "García", "Horvát", "Ivanova", "Jensen",
    "Kowalski", "Lindqvist", "Müller", "Novák", "O'Brien", "Peeters",
)  # fmt: skip
TRADES = ("Logistics", "Interiors", "Trading", "Hardware", "Supplies", "Retail", "Wholesale", "Design")
LEGAL_FORMS = {"DE": "GmbH", "AT": "GmbH", "FR": "SARL", "IT": "S.r.l.", "NL": "B.V.", "PL": "Sp. z o.o."}
CITIES = {
    "DE": ("Berlin", "Köln", "Leipzig", "München"),
    "AT": ("Wien", "Graz", "Linz"),
    "FR": ("Lyon", "Nantes", "Besançon"),
    "IT": ("Torino", "Bologna", "Bari"),
    "NL": ("Utrecht", "Delft", "Breda"),
    "PL": ("Kraków", "Łódź", "Gdańsk"),
}
DIAL_CODES = {"DE": "49", "AT": "43", "FR": "33", "IT": "39", "NL": "31", "PL": "48"}
STREETS = ("Bahnhofstraße", "Rue du Port", "Via Roma", "Kerkstraat", "Lindenallee", "Ulica Długa", "Am Markt")
