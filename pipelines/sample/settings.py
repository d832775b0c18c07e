"""The settings and rule tables of the sample shop, written beside its landing folder where there are none."""

from datetime import date
from pathlib import Path

from pipelines.sample import words
from pipelines.workspace import SETTINGS_FILE

SETTINGS = """# The sample shop. Every setting is described in the README; the environment wins over this file.
[business]
time_zone = "Europe/Berlin"
reporting_currency = "EUR"
default_location = "WH-LEIPZIG"
goes_live_on = {first}

[company]
name = "Haus & Hof Versand GmbH"
street = "Torgauer Straße 233"
city = "Leipzig"
postcode = "04347"
country = "DE"
tax_id = "DE123456788"
email = "billing@haus-und-hof.example"
iban = "DE02120300000000202051"
gs1_prefix = "4012345"
"""
REDUCED_ZERO = "Z"
ZONES = {"DE": "DE", "AT": "EU1", "NL": "EU1", "BE": "EU1", "FR": "EU2", "PL": "EU2", "CH": "NON_EU", "GB": "NON_EU"}
# Carrier, days beyond the zone's own and price of the zones for up to 2, 10 and 31.5 kg.
STANDARD = {
    "DHL": (0, {"DE": (4.19, 6.49, 11.49), "EU1": (8.89, 11.99, 18.49), "EU2": (10.49, 14.99, 22.99),
        "NON_EU": (16.49, 24.99, 39)}),
    "DPD": (0, {"DE": (4.05, 6.29, 10.99), "EU1": (8.49, 11.49, 17.99), "EU2": (9.99, 14.49, 21.99)}),
    "GLS": (1, {"DE": (3.79, 5.79, 9.99), "EU1": (7.99, 10.99, 16.99), "EU2": (9.49, 13.49, 20.49)}),
    "PostNL": (0, {"EU1": (6.95, 9.5, 15.5)}),
}  # fmt: skip
EXPRESS = {"DE": (11.9, 14.9, 22.9), "EU1": (24.9, 31.9, 44.0), "EU2": (29.9, 36.9, 52.0), "NON_EU": (44.0, 58.0, 79.0)}
TRANSIT = {"DE": 1, "EU1": 2, "EU2": 3, "NON_EU": 4}
WEIGHTS = ("2", "10", "31.5")


def settle(root: Path, first: date) -> list[Path]:
    """Write the sample's settings and rule tables where the workspace has none; what is there stays.

    Args:
        root: the workspace, the folder above landing.
        first: the first day of the sample, on which the shop goes live.

    Returns:
        The files that were written.
    """
    files = {
        root / SETTINGS_FILE: SETTINGS.format(first=first.isoformat()),
        root / "rules" / "tax_rates.csv": _tax_rates(),
        root / "rules" / "carrier_services.csv": _carrier_services(),
        root / "rules" / "zones.csv": _zones(),
    }
    written = []
    for path, content in files.items():
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_name(path.name + ".tmp")
            unfinished.write_text(content, encoding="utf-8", newline="\n")
            unfinished.replace(path)
            written.append(path)
    return written


def _tax_rates() -> str:
    rows = ["tax_code,country,valid_from,rate_percent,category,exemption_reason"]
    for country, rates in words.TAX_PERCENT.items():
        for code, rate in zip(("STD", "RED"), rates, strict=True):
            rows.append(f"{code},{country},2015-01-01,{rate},{'S' if rate else REDUCED_ZERO},")
    return "\n".join(rows) + "\n"


def _carrier_services() -> str:
    rows = [
        "carrier,service,service_level,zone,maximum_weight_kg,transit_days,price,currency,calendar,pickup_weekdays,valid_from"
    ]
    weekdays = '"Mon,Tue,Wed,Thu,Fri"'
    for carrier, (slower, zones) in STANDARD.items():
        for zone, prices in zones.items():
            for weight, price in zip(WEIGHTS, prices, strict=True):
                days = TRANSIT[zone] + slower
                rows.append(
                    f"{carrier},Parcel,standard,{zone},{weight},{days},{price:.2f},EUR,carrier,{weekdays},2015-01-01"
                )
    for zone, prices in EXPRESS.items():
        for weight, price in zip(WEIGHTS, prices, strict=True):
            days = max(1, TRANSIT[zone] - 2)
            rows.append(f"DHL,Express,express,{zone},{weight},{days},{price:.2f},EUR,carrier,{weekdays},2015-01-01")
    rows.append(f"DHL,Same Day,same_day,DE,10,0,19.90,EUR,carrier,{weekdays},2015-01-01")
    return "\n".join(rows) + "\n"


def _zones() -> str:
    return (
        "\n".join(
            ["zone,country,postcode_from,postcode_to", *(f"{zone},{country},," for country, zone in ZONES.items())]
        )
        + "\n"
    )
