"""Billing: what is billed and credited of an order, to the cent; all figures are worked out by hand."""

from datetime import date
from typing import Any

import polars as pl
import pytest

from models.rules import billing_coverage, billing_policies, billing_units
from models.tables.base import empty
from models.tables.feeds import Customer
from models.tables.lifecycle import Order, OrderLine
from tests.billed import CHANNELS, NIGHT, TAX_RATES, Shop, drawn, lines, orders, shown, whole_customers
from tests.builders import frame

ONE_ORDER = orders("order_id", "O1")
TOTALS = "order_id | net_amount | tax_amount | gross_amount"
PARTS = "order_line_no | quantity | discount_amount | net_amount | tax_amount"
CREDITED = "kind | credits_invoice_number | net_amount | tax_amount | gross_amount"
MONEY = pl.Decimal(18, 4)


def one_line(counts: str = "", values: str = "", *, drawn_as: str = "5 | 10.00 | ") -> pl.DataFrame:
    """One line of five apples at 10.00, with the counts that are named."""
    header = "order_id | line_no | quantity | unit_price | discount_amount"
    return lines(
        f"{header}{' | ' + counts if counts else ''}", f"O1 | 1 | {drawn_as}{' | ' + values if values else ''}"
    )


# --- Amounts and tax ---------------------------------------------------------------------------------------------


def test_the_tax_of_a_rate_is_rounded_once_and_its_lines_carry_shares_that_add_up() -> None:
    sold = lines("order_id | line_no | quantity | unit_price", "O1 | 1 | 1 | 0.13", "O1 | 2 | 1 | 0.13")
    issued = Shop().night(ONE_ORDER, sold)
    # 0.26 x 0.19 = 0.0494 -> 0.05; the first line 0.0247 -> 0.02, the second what is left
    assert shown(issued.invoices, TOTALS) == drawn(TOTALS, "O1 | 0.26 | 0.05 | 0.31")
    assert shown(issued.invoice_lines, PARTS) == drawn(PARTS, "1 | 1 | 0 | 0.13 | 0.02", "2 | 1 | 0 | 0.13 | 0.03")


def test_by_line_every_tax_is_rounded_by_itself() -> None:
    sold = lines("order_id | line_no | quantity | unit_price", "O1 | 1 | 1 | 0.13", "O1 | 2 | 1 | 0.13")
    issued = Shop().night(ONE_ORDER, sold, tax_rounding="per_line")
    assert shown(issued.invoices, TOTALS) == drawn(TOTALS, "O1 | 0.26 | 0.04 | 0.3")


@pytest.mark.parametrize(("price", "tax"), [("0.50", "0.1"), ("0.4999", "0.1"), ("0.45", "0.09")])
def test_half_a_cent_of_tax_goes_up(price: str, tax: str) -> None:
    # 0.50 x 0.19 = 0.095; 0.4999 is 0.50 on the invoice; 0.45 x 0.19 = 0.0855
    issued = Shop().night(ONE_ORDER, one_line(drawn_as=f"1 | {price} | "))
    assert shown(issued.invoices, "tax_amount") == [(tax,)]


def test_three_tax_rates_a_discount_and_shipping_on_one_invoice() -> None:
    asked = orders("order_id | shipping_amount", "O1 | 4.90")
    sold = lines(
        "order_id | line_no | sku | quantity | unit_price | discount_amount",
        "O1 | 1 | A | 3 | 9.99 | 1.00",
        "O1 | 2 | B | 1 | 5.55 | ",
        "O1 | 3 | C | 2 | 1.00 | ",
    )
    issued = Shop().night(asked, sold)
    # 19 %: (28.97 + 4.90) x 0.19 = 6.4353; 7 %: 5.55 x 0.07 = 0.3885; shipping carries 6.44 - 5.50
    assert shown(issued.invoices, TOTALS) == drawn(TOTALS, "O1 | 41.42 | 6.83 | 48.25")
    header = "line_no | order_line_no | description | net_amount | tax_rate | tax_category | tax_amount"
    assert shown(issued.invoice_lines, header) == drawn(
        header,
        "1 | 1 | Apple | 28.97 | 0.19 | S | 5.5",
        "2 | 2 | Book | 5.55 | 0.07 | S | 0.39",
        "3 | 3 | Card | 2 | 0 | Z | 0",
        "4 |  | Shipping | 4.9 | 0.19 | S | 0.94",
    )


@pytest.mark.parametrize("told_by", ["order", "channel", "setting"])
def test_prices_that_include_tax_are_what_is_paid(told_by: str) -> None:
    asked = orders("order_id | prices_include_tax", f"O1 | {'true' if told_by == 'order' else ''}")
    shop = Shop(channels=CHANNELS.with_columns(prices_include_tax=pl.lit(True)) if told_by == "channel" else CHANNELS)
    sold = lines("order_id | line_no | quantity | unit_price", "O1 | 1 | 1 | 9.99", "O1 | 2 | 2 | 9.99")
    issued = shop.night(asked, sold, prices_include_tax=told_by == "setting")
    # 29.97 / 1.19 = 25.1848; the first line 9.99 / 1.19 = 8.3949
    assert shown(issued.invoices, TOTALS) == drawn(TOTALS, "O1 | 25.18 | 4.79 | 29.97")
    assert shown(issued.invoice_lines, PARTS) == drawn(PARTS, "1 | 1 | 0 | 8.39 | 1.6", "2 | 2 | 0 | 16.79 | 3.19")


def test_an_order_that_says_its_prices_are_net_wins_over_its_channel() -> None:
    shop = Shop(channels=CHANNELS.with_columns(prices_include_tax=pl.lit(True)))
    issued = shop.night(orders("order_id | prices_include_tax", "O1 | false"), one_line())
    assert shown(issued.invoices, TOTALS) == drawn(TOTALS, "O1 | 50 | 9.5 | 59.5")


def test_yen_have_no_places_and_dinars_three() -> None:
    asked = orders("order_id | currency | country", "O1 | JPY | JP", "O2 | KWD | KW")
    sold = lines("order_id | line_no | quantity | unit_price", "O1 | 1 | 3 | 333", "O2 | 1 | 3 | 1.235")
    issued = Shop().night(asked, sold)
    # 999 x 0.1 = 99.9; 3.705 x 0.05 = 0.18525
    assert shown(issued.invoices, TOTALS) == drawn(TOTALS, "O1 | 999 | 100 | 1099", "O2 | 3.705 | 0.185 | 3.89")


@pytest.mark.parametrize(("issued_on", "tax"), [(date(2026, 11, 30), "10"), (date(2026, 12, 1), "10.5")])
def test_the_rate_is_that_of_the_issue_date(issued_on: date, tax: str) -> None:
    issued = Shop().night(orders("order_id | country", "O1 | GB"), one_line(), issued_on=issued_on)
    assert shown(issued.invoices, "tax_amount") == [(tax,)]


def test_the_tax_code_is_the_lines_else_the_products_else_the_settings() -> None:
    sold = lines(
        "order_id | line_no | sku | quantity | unit_price | tax_code",
        "O1 | 1 | B | 1 | 1 | EXPORT",
        "O1 | 2 | B | 1 | 1 | ",
        "O1 | 3 | A | 1 | 1 | ",
        "O1 | 4 | X | 1 | 1 | ",
    )
    issued = Shop().night(ONE_ORDER, sold, default_tax_code="ZERO")
    header = "tax_code | tax_category | exemption_reason | description"
    assert shown(issued.invoice_lines, header) == drawn(
        header, "EXPORT | G | export | Book", "RED | S |  | Book", "ZERO | Z |  | Apple", "ZERO | Z |  | X"
    )


def test_an_order_without_a_country_is_taxed_in_the_companys() -> None:
    asked = orders("order_id | country", "O1 | ")
    issued = Shop().night(asked, one_line(), country="GB")
    assert shown(issued.invoice_lines, "tax_country | tax_rate") == [("GB", "0.2")]
    assert shown(Shop().drafts(asked, one_line()).exceptions, "reason") == [("unknown_tax_country",)]


# --- What is due -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "billed"),
    [("received", 0), ("on_hold", 0), ("rejected", 0), ("confirmed", 5), ("closed", 5)],
)
def test_an_order_is_billed_once_it_is_confirmed(status: str, billed: int) -> None:
    issued = Shop().night(orders("order_id | status", f"O1 | {status}"), one_line())
    assert issued.invoice_lines["quantity"].sum() == billed


@pytest.mark.parametrize(
    ("channel", "billed"),
    [("online", 5), ("agent", 3), ("store", 0)],
)
def test_each_channel_is_billed_by_its_policy(channel: str, billed: int) -> None:
    asked = orders("order_id | channel", f"O1 | {channel}")
    sold = one_line("shipped | delivered", "3 | 2")
    assert Shop().night(asked, sold).invoice_lines["quantity"].sum() == billed
    by_delivery = Shop(channels=CHANNELS.with_columns(billing=pl.lit("on_delivery")))
    assert by_delivery.night(asked, sold).invoice_lines["quantity"].sum() == 2


def test_history_is_never_billed() -> None:
    assert Shop().night(orders("order_id | is_history", "O1 | true"), one_line()).invoices.is_empty()


def test_what_became_history_after_its_invoice_is_credited_and_billed_no_more() -> None:
    shop = Shop()
    shop.night(ONE_ORDER, one_line())
    history = orders("order_id | is_history", "O1 | true")
    assert shop.night(history, one_line(drawn_as="7 | 9.00 | ")).invoices.is_empty()
    credit = shop.night(history, one_line("shipped | delivered | returned", "5 | 5 | 2"))
    assert shown(credit.invoices, "kind | net_amount") == [("credit_note", "20")]


def test_what_is_cancelled_before_the_invoice_is_not_on_it() -> None:
    asked = orders("order_id | shipping_amount | status", "O1 | 4.90 | confirmed", "O2 | 4.90 | cancelled")
    sold = lines(
        "order_id | line_no | quantity | unit_price | discount_amount | cancelled",
        "O1 | 1 | 5 | 10.00 | 1.00 | 2",
        "O2 | 1 | 5 | 10.00 | 1.00 | 5",
    )
    issued = Shop().night(asked, sold)
    header = "order_id | order_line_no | quantity | discount_amount | net_amount"
    # three fifths of the discount stay with three of five
    assert shown(issued.invoice_lines, header) == drawn(header, "O1 | 1 | 3 | 0.6 | 29.4", "O1 |  | 1 | 0 | 4.9")


def test_parts_shipped_share_the_discount_so_that_they_add_up() -> None:
    shop, asked = Shop(), orders("order_id | channel | shipping_amount", "O1 | agent | 4.90")
    for shipped in (1, 2, 3):
        shop.night(asked, one_line("shipped", f"{shipped}", drawn_as="3 | 10.00 | 1.00"))
    header = "order_line_no | quantity | discount_amount | net_amount | event | revision"
    # 1/3 of 1.00 = 0.33, 2/3 = 0.67; shipping goes with the first
    assert shown(shop.invoice_lines, header) == drawn(
        header,
        "1 | 1 | 0.33 | 9.67 | shipment | 0",
        " | 1 | 0 | 4.9 | shipment | 0",
        "1 | 1 | 0.34 | 9.66 | shipment | 1",
        "1 | 1 | 0.33 | 9.67 | shipment | 2",
    )


def test_the_same_night_run_again_bills_nothing_twice() -> None:
    shop = Shop()
    assert shop.night(ONE_ORDER, one_line("cancelled", "1")).invoices.height == 1
    assert shop.night(ONE_ORDER, one_line("cancelled", "1")).invoices.is_empty()
    assert shop.night(ONE_ORDER, one_line("cancelled", "2")).invoices.height == 1
    assert shop.night(ONE_ORDER, one_line("cancelled", "2")).invoices.is_empty()


def test_a_line_added_later_is_a_second_invoice_without_shipping() -> None:
    shop, asked = Shop(), orders("order_id | shipping_amount", "O1 | 4.90")
    shop.night(asked, one_line())
    more = lines("order_id | line_no | quantity | unit_price", "O1 | 1 | 5 | 10.00", "O1 | 2 | 1 | 3.00")
    issued = shop.night(asked, more)
    assert shown(issued.invoice_lines, PARTS) == drawn(PARTS, "2 | 1 | 0 | 3 | 0.57")


def test_an_order_keeps_the_policy_it_was_first_billed_by() -> None:
    shop = Shop()
    shop.night(ONE_ORDER, one_line())
    shop.channels = CHANNELS.with_columns(billing=pl.lit("on_shipment"))
    assert shop.night(ONE_ORDER, one_line("shipped", "1")).invoices.is_empty()


# --- Credit notes ------------------------------------------------------------------------------------------------


def test_what_is_cancelled_after_the_invoice_is_credited_the_same_night() -> None:
    shop = Shop()
    invoice = shop.night(ONE_ORDER, one_line(drawn_as="3 | 9.99 | 1.00"))
    assert shown(invoice.invoices, TOTALS) == drawn(TOTALS, "O1 | 28.97 | 5.5 | 34.47")
    credit = shop.night(ONE_ORDER, one_line("cancelled", "1", drawn_as="3 | 9.99 | 1.00"))
    # a third of the discount 0.33, of the tax 1.8333; the customer has 30 days, a credit note none
    assert shown(credit.invoices, CREDITED) == drawn(CREDITED, "credit_note | INV-2026-000000001 | 9.66 | 1.83 | 11.49")
    assert shown(credit.invoices, "due_on") == [("2026-11-24",)]
    assert shown(credit.invoice_lines, "event | quantity | unit_price") == [("cancellation", "1", "9.99")]


def test_credit_notes_of_all_parts_come_to_the_invoice() -> None:
    shop = Shop()
    shop.night(ONE_ORDER, one_line(drawn_as="3 | 9.99 | 1.00"))
    for returned in (1, 2, 2, 3):
        done = f"3 | 3 | {returned}"
        shop.night(ONE_ORDER, one_line("shipped | delivered | returned", done, drawn_as="3 | 9.99 | 1.00"))
    credits = shop.invoice_lines.filter(pl.col("credits_invoice_number").is_not_null())
    # shares of 1.00 and of 5.50, each what is due up to then less what was credited before
    assert shown(credits, PARTS) == drawn(
        PARTS, "1 | 1 | 0.33 | 9.66 | 1.83", "1 | 1 | 0.34 | 9.65 | 1.84", "1 | 1 | 0.33 | 9.66 | 1.83"
    )
    assert shown(credits, "event | revision") == [("return", "0"), ("return", "1"), ("return", "2")]


def test_what_came_back_and_what_was_cancelled_in_one_night_are_told_apart() -> None:
    shop = Shop()
    shop.night(ONE_ORDER, one_line(drawn_as="5 | 9.99 | 1.00"))
    done = one_line("cancelled | shipped | delivered | returned", "2 | 3 | 3 | 1", drawn_as="5 | 9.99 | 1.00")
    credit = shop.night(ONE_ORDER, done)
    header = "event | quantity | revision | discount_amount | net_amount"
    assert shown(credit.invoice_lines, header) == drawn(
        header, "return | 1 | 0 | 0.2 | 9.79", "cancellation | 2 | 1 | 0.4 | 19.58"
    )
    assert shop.night(ONE_ORDER, done).invoices.is_empty()


def test_credits_of_prices_with_tax_copy_what_was_paid() -> None:
    shop, asked = Shop(), orders("order_id | prices_include_tax", "O1 | true")
    shop.night(asked, one_line(drawn_as="3 | 9.99 | "))
    credit = shop.night(asked, one_line("shipped | delivered | returned", "3 | 3 | 1", drawn_as="3 | 9.99 | "))
    # the invoice: 25.18 + 4.79; a third of the tax is 1.5967
    assert shown(credit.invoices, CREDITED) == drawn(CREDITED, "credit_note | INV-2026-000000001 | 8.39 | 1.6 | 9.99")


def test_a_credit_keeps_the_rate_of_its_invoice() -> None:
    shop, asked = Shop(), orders("order_id | country", "O1 | GB")
    shop.night(asked, one_line())
    credit = shop.night(asked, one_line("cancelled", "5"), issued_on=date(2026, 12, 1))
    assert shown(credit.invoices, TOTALS) == drawn(TOTALS, "O1 | 50 | 10 | 60")


def test_the_newest_invoice_of_a_line_is_credited_first() -> None:
    shop, asked = Shop(), orders("order_id | channel", "O1 | agent")
    shop.night(asked, one_line("shipped | delivered", "2 | 2"))
    shop.night(asked, one_line("shipped | delivered", "5 | 5"))
    credit = shop.night(asked, one_line("shipped | delivered | returned", "5 | 5 | 4"))
    header = "credits_invoice_number | quantity | revision"
    assert shown(credit.invoice_lines, header) == drawn(
        header, "INV-2026-000000001 | 1 | 3", "INV-2026-000000002 | 3 | 0"
    )
    assert credit.invoices.height == 2


@pytest.mark.parametrize(("counts", "values", "is_credited"), [
    ("cancelled", "5", True),
    ("cancelled", "4", False),
    ("shipped | delivered | returned", "5 | 5 | 5", False),
])  # fmt: skip
def test_shipping_is_credited_only_when_all_was_cancelled_before_it_left(
    counts: str, values: str, is_credited: bool
) -> None:
    shop, asked = Shop(), orders("order_id | shipping_amount", "O1 | 4.90")
    shop.night(asked, one_line())
    credit = shop.night(asked, one_line(counts, values))
    assert credit.invoice_lines["order_line_no"].is_null().any() == is_credited


def test_a_rejected_order_is_credited_but_for_what_had_left() -> None:
    shop = Shop()
    shop.night(ONE_ORDER, one_line())
    issued = shop.night(orders("order_id | status", "O1 | rejected"), one_line("shipped", "2"))
    assert shown(issued.invoice_lines, "quantity") == [("3",)]


def test_the_shipping_of_a_rejected_order_is_credited_only_if_nothing_had_left() -> None:
    for shipped in (0, 2):
        shop = Shop()
        shop.night(orders("order_id | shipping_amount", "O1 | 4.90"), one_line())
        rejected = orders("order_id | shipping_amount | status", "O1 | 4.90 | rejected")
        issued = shop.night(rejected, one_line("shipped", f"{shipped}"))
        assert issued.invoice_lines["order_line_no"].is_null().any() == (shipped == 0)


def test_shipping_told_only_after_the_invoice_is_one_by_itself() -> None:
    shop = Shop()
    shop.night(ONE_ORDER, one_line())
    told = orders("order_id | shipping_amount", "O1 | 7.00")
    later = shop.night(told, one_line())
    assert shown(later.invoices, "kind | net_amount") == [("invoice", "7")]
    assert shop.night(told, one_line()).invoices.is_empty()


def test_shipping_made_free_after_the_invoice_is_credited() -> None:
    shop = Shop()
    shop.night(orders("order_id | shipping_amount", "O1 | 4.90"), one_line())
    issued = shop.night(ONE_ORDER, one_line())
    assert shown(issued.invoices, CREDITED) == drawn(CREDITED, "credit_note | INV-2026-000000001 | 4.9 | 0.93 | 5.83")
    assert shop.night(ONE_ORDER, one_line()).invoices.is_empty()


def test_a_return_that_proves_wrong_is_billed_again_and_all_comes_to_the_line() -> None:
    shop = Shop()
    whole = {"drawn_as": "2 | 5.00 | 0.01"}
    shop.night(ONE_ORDER, one_line(**whole))
    shop.night(ONE_ORDER, one_line("shipped | delivered | returned", "2 | 2 | 1", **whole))
    again = shop.night(ONE_ORDER, one_line("shipped | delivered | returned", "2 | 2 | 0", **whole))
    # half of 0.01 is 0.01 on the credit note, so that the new invoice carries it again
    assert shown(shop.invoice_lines, PARTS) == drawn(
        PARTS, "1 | 2 | 0.01 | 9.99 | 1.9", "1 | 1 | 0.01 | 4.99 | 0.95", "1 | 1 | 0.01 | 4.99 | 0.95"
    )
    assert shown(again.invoice_lines, "event | revision") == [("confirmation", "2")]


def test_a_currency_revised_after_the_invoice_is_credited_in_the_old_one_and_billed_anew_in_the_new() -> None:
    shop = Shop()
    shop.night(ONE_ORDER, one_line(drawn_as="3 | 9.99 | "))
    in_yen = orders("order_id | currency", "O1 | JPY")
    again = shop.night(in_yen, one_line("cancelled", "1", drawn_as="5 | 9.99 | "))
    header = "kind | currency | net_amount | tax_amount | gross_amount"
    # EUR: 29.97 and 19 % = 5.69; JPY: 4 x 9.99 = 40 and 19 % = 7.6
    assert shown(again.invoices, header) == drawn(
        header, "credit_note | EUR | 29.97 | 5.69 | 35.66", "invoice | JPY | 40 | 8 | 48"
    )


def test_a_credit_in_an_order_that_may_not_be_billed_stays_in_the_currency_of_its_invoice() -> None:
    shop = Shop()
    shop.night(ONE_ORDER, one_line(drawn_as="3 | 9.99 | "))
    held = orders("order_id | currency | status", "O1 | JPY | on_hold")
    credited = shop.night(held, one_line("cancelled", "1", drawn_as="3 | 9.99 | "))
    header = "kind | currency | net_amount | tax_amount | gross_amount"
    assert shown(credited.invoices, header) == drawn(header, "credit_note | EUR | 9.99 | 1.9 | 11.89")


def test_a_tax_code_that_a_line_names_later_corrects_it_and_one_of_its_product_does_not() -> None:
    shop = Shop()
    shop.night(ONE_ORDER, one_line())
    named = shop.night(ONE_ORDER, one_line("tax_code", "RED"))
    assert shown(named.invoices, "kind | tax_amount") == drawn(
        "kind | tax_amount", "credit_note | 9.5", "invoice | 3.5"
    )
    assert shop.night(ONE_ORDER, one_line()).invoices.is_empty()


def test_a_customer_revised_after_the_invoice_is_credited_to_the_first_and_billed_to_the_second() -> None:
    shop = Shop()
    shop.night(ONE_ORDER, one_line())
    again = shop.night(orders("order_id | customer_id", "O1 | K2"), one_line())
    header = "kind | customer_id | gross_amount"
    assert shown(again.invoices, header) == drawn(header, "credit_note | K1 | 59.5", "invoice | K2 | 59.5")


def test_a_customer_named_only_after_the_sale_leaves_its_invoice_as_it_is() -> None:
    shop = Shop()
    shop.night(orders("order_id | customer_id", "O1 | "), one_line())
    assert shop.night(ONE_ORDER, one_line()).invoices.is_empty()


def test_a_country_of_delivery_revised_after_the_invoice_is_taxed_there() -> None:
    shop = Shop()
    shop.night(ONE_ORDER, one_line())
    abroad = shop.night(orders("order_id | country | ship_country", "O1 | GB | GB"), one_line())
    header = "kind | net_amount | tax_amount"
    assert shown(abroad.invoices, header) == drawn(header, "credit_note | 50 | 9.5", "invoice | 50 | 10")
    # the customer has moved since, and the order names no place itself
    assert shop.night(orders("order_id | country", "O1 | DE"), one_line()).invoices.is_empty()


def test_prices_said_to_include_tax_only_after_the_invoice_are_what_is_paid() -> None:
    shop = Shop()
    shop.night(ONE_ORDER, one_line())
    again = shop.night(orders("order_id | prices_include_tax", "O1 | true"), one_line())
    header = "kind | gross_amount"
    assert shown(again.invoices, header) == drawn(header, "credit_note | 59.5", "invoice | 50")


def test_a_price_revised_after_the_invoice_is_credited_and_billed_anew() -> None:
    shop = Shop()
    shop.night(ONE_ORDER, one_line())
    issued = shop.night(ONE_ORDER, one_line(drawn_as="5 | 9.00 | "))
    header = "kind | gross_amount"
    assert shown(issued.invoices, header) == drawn(header, "credit_note | 59.5", "invoice | 53.55")
    assert shown(issued.invoice_lines, "event | revision") == [("correction", "0"), ("confirmation", "5")]
    assert shop.night(ONE_ORDER, one_line(drawn_as="5 | 9.00 | ")).invoices.is_empty()


def test_a_quantity_lowered_after_the_invoice_is_credited_by_its_difference() -> None:
    shop = Shop()
    shop.night(ONE_ORDER, one_line())
    issued = shop.night(ONE_ORDER, one_line(drawn_as="3 | 10.00 | "))
    assert shown(issued.invoice_lines, "quantity | net_amount") == [("2", "20")]


def test_an_invoice_that_a_decision_withdrew_is_credited_and_billed_as_things_stand() -> None:
    shop, asked = Shop(), orders("order_id | shipping_amount", "O1 | 4.90")
    shop.night(asked, one_line())
    issued = shop.night(asked, one_line("cancelled", "1"), ["INV-2026-000000001"])
    header = "kind | net_amount"
    assert shown(issued.invoices, header) == drawn(header, "credit_note | 54.9", "invoice | 44.9")
    assert shop.night(asked, one_line("cancelled", "1"), ["INV-2026-000000001"]).invoices.is_empty()


# --- What cannot be billed ---------------------------------------------------------------------------------------


def test_an_order_whose_rate_is_unknown_is_listed_and_the_others_are_billed() -> None:
    asked = orders("order_id | country", "O1 | DE", "O2 | FR", "O3 | DE")
    sold = lines(
        "order_id | line_no | quantity | unit_price | tax_code",
        "O1 | 1 | 1 | 1 | ",
        "O2 | 1 | 1 | 1 | ",
        "O3 | 1 | 1 | 1 | ",
        "O3 | 2 | 1 | 1 | ODD",
    )
    shop = Shop()
    drafts = shop.drafts(asked, sold)
    header = "order_id | reason | sentence"
    assert shown(drafts.exceptions, header) == drawn(
        header,
        "O2 | unknown_tax_rate | There is no rate for tax code STD in FR; add it to tax_rates.csv.",
        "O3 | unknown_tax_rate | There is no rate for tax code ODD in DE; add it to tax_rates.csv.",
    )
    assert shown(drafts.documents, "order_id") == [("O1",)]
    mended = frame(
        "tax_code | country | rate_percent | category", "STD | FR | 20 | S", schema={"rate_percent": pl.Decimal(24, 10)}
    )
    shop.night(asked, sold)
    shop.tax_rates = pl.concat([TAX_RATES, mended], how="diagonal")
    assert shown(shop.night(asked, sold).invoices, "order_id") == [("O2",)]


def test_a_negative_total_is_not_billed_but_a_line_below_zero_is() -> None:
    asked = orders("order_id", "O1", "O2")
    sold = lines(
        "order_id | line_no | quantity | unit_price | discount_amount",
        "O1 | 1 | 1 | 1.00 | 3.00",
        "O1 | 2 | 1 | 1.50 | ",
        "O2 | 1 | 1 | 1.00 | 3.00",
        "O2 | 2 | 1 | 2.00 | ",
    )
    drafts = Shop().drafts(asked, sold)
    assert shown(drafts.exceptions, "order_id | reason") == [("O1", "negative_total")]
    assert shown(drafts.documents, TOTALS) == drawn(TOTALS, "O2 | 0 | 0 | 0")


def test_an_amount_beyond_all_money_is_listed() -> None:
    asked = orders("order_id", "O1", "O2")
    sold = lines(
        "order_id | line_no | quantity | unit_price", "O1 | 1 | 1000000000 | 99999999999999.9999", "O2 | 1 | 1 | 1"
    )
    drafts = Shop().drafts(asked, sold)
    assert shown(drafts.exceptions, "order_id | reason") == [("O1", "amount_too_large")]
    assert shown(drafts.documents, "order_id") == [("O2",)]


def test_an_order_with_a_refused_fact_or_on_hold_gets_no_bill_but_its_credit() -> None:
    shop = Shop()
    asked = orders("order_id | channel | has_refused_fact", "O1 | agent | true")
    assert shown(shop.drafts(asked, one_line("shipped", "2")).exceptions, "reason") == [("refused_fact",)]
    held = orders("order_id | channel | status", "O1 | agent | on_hold")
    assert shown(shop.drafts(held, one_line("shipped", "2")).exceptions, "reason") == [("on_hold",)]
    shop.night(orders("order_id | channel", "O1 | agent"), one_line("shipped | delivered", "2 | 2"))
    issued = shop.night(asked, one_line("shipped | delivered | returned", "4 | 4 | 3"))
    assert shown(issued.invoices, "kind | net_amount") == [("credit_note", "10")]


def test_a_correction_waits_while_the_order_cannot_be_billed_but_a_return_does_not() -> None:
    shop = Shop()
    shop.night(ONE_ORDER, one_line())
    shop.tax_rates = TAX_RATES.clear()
    issued = shop.night(ONE_ORDER, one_line("shipped | delivered | returned", "5 | 5 | 2", drawn_as="5 | 9.00 | "))
    assert shown(issued.invoice_lines, "event | quantity | unit_price") == [("return", "2", "10")]


# --- Several orders on one invoice -------------------------------------------------------------------------------

MONTHLY = orders(
    "order_id | customer_id | currency | shipping_amount",
    "O1 | M1 | EUR | 2.00",
    "O2 | M1 | EUR | ",
    "O3 | M1 | GBP | ",
    "O4 | K1 | EUR | ",
)
MONTHLY_LINES = lines(
    "order_id | line_no | quantity | unit_price",
    *(f"O{order} | 1 | 1 | 0.13" for order in (1, 2, 3, 4)),
)


def test_a_monthly_customer_gets_one_invoice_per_currency_at_the_end_of_the_month() -> None:
    shop = Shop()
    assert shown(shop.drafts(MONTHLY, MONTHLY_LINES, consolidated_customers=("M1",)).documents, "order_id") == [("O4",)]
    issued = shop.night(
        MONTHLY,
        MONTHLY_LINES,
        consolidated_customers=("M1",),
        month_ends_on=date(2026, 11, 30),
        issued_on=date(2026, 11, 30),
    )
    header = "order_id | customer_id | currency | net_amount | tax_amount | due_on"
    # EUR: (0.13 + 2.00 + 0.13) x 0.19 = 0.4294; 14 days
    assert shown(issued.invoices, header) == drawn(
        header,
        "O4 | K1 | EUR | 0.13 | 0.02 | 2026-12-30",
        " | M1 | EUR | 2.26 | 0.43 | 2026-12-14",
        " | M1 | GBP | 0.13 | 0.02 | 2026-12-14",
    )
    assert shown(
        issued.invoice_lines.filter(pl.col("invoice_number") == "INV-2026-000000002"), "line_no | order_id"
    ) == [
        ("1", "O1"),
        ("2", "O1"),
        ("3", "O2"),
    ]


def test_an_unknown_rate_leaves_only_its_order_out_of_a_monthly_invoice() -> None:
    asked = MONTHLY.with_columns(country=pl.when(pl.col("order_id") == "O1").then(pl.lit("FR")).otherwise("country"))
    drafts = Shop().drafts(asked, MONTHLY_LINES, consolidated_customers=("M1",), month_ends_on=NIGHT)
    assert drafts.lines["order_id"].to_list() == ["O2", "O3", "O4"]
    assert shown(drafts.exceptions, "order_id") == [("O1",)]


def test_returns_of_a_monthly_invoice_are_one_credit_note_the_same_night() -> None:
    shop = Shop()
    monthly: dict[str, Any] = {"consolidated_customers": ("M1",)}
    shop.night(MONTHLY, MONTHLY_LINES, month_ends_on=NIGHT, **monthly)
    back = MONTHLY_LINES.with_columns(shipped=1, delivered=1, returned=1).cast(
        {"shipped": pl.Int64, "delivered": pl.Int64, "returned": pl.Int64}
    )
    issued = shop.night(MONTHLY, back, **monthly)
    header = "order_id | credits_invoice_number | net_amount"
    assert shown(issued.invoices, header) == drawn(
        header, "O4 | INV-2026-000000001 | 0.13", " | INV-2026-000000002 | 0.26", " | INV-2026-000000003 | 0.13"
    )


@pytest.mark.parametrize(
    ("as_of", "acted_before", "ends_on"),
    [
        (date(2026, 11, 29), date(2026, 11, 28), None),
        (date(2026, 11, 30), date(2026, 11, 29), date(2026, 11, 30)),
        (date(2026, 12, 1), date(2026, 11, 30), None),
        (date(2026, 12, 2), date(2026, 11, 29), date(2026, 11, 30)),
        (date(2026, 12, 1), None, None),
        (date(2028, 2, 29), None, date(2028, 2, 29)),
    ],
)
def test_a_month_is_billed_on_its_last_day_or_in_the_first_night_after_it(
    as_of: date, acted_before: date | None, ends_on: date | None
) -> None:
    assert billing_policies.month_to_bill(as_of, acted_before) == ends_on


def test_a_night_that_catches_up_a_month_leaves_the_next_one_out() -> None:
    shop = Shop()
    asked = orders(
        "order_id | customer_id | ordered_on", "D1 | M1 | 2026-12-30", "D2 | M1 | 2026-12-31", "J1 | M1 | 2027-01-01"
    )
    sold = lines("order_id | line_no | quantity | unit_price", "D1 | 1 | 1 | 10", "D2 | 1 | 1 | 20", "J1 | 1 | 1 | 40")
    night: dict[str, Any] = {"consolidated_customers": ("M1",), "issued_on": date(2027, 1, 3)}
    caught_up = shop.night(asked, sold, month_ends_on=date(2026, 12, 31), **night)
    assert shown(caught_up.invoices, "order_id | net_amount") == [("", "30")]
    assert shop.night(asked, sold, **night | {"month_ends_on": date(2027, 1, 31)}).invoices["net_amount"].to_list() == [
        40
    ]


def test_a_monthly_order_that_could_not_be_billed_stays_listed_and_is_billed_once_it_can() -> None:
    shop = Shop()
    asked = orders("order_id | customer_id | country | ordered_on", "F1 | M1 | FR | 2026-11-20")
    sold = lines("order_id | line_no | quantity | unit_price", "F1 | 1 | 1 | 10")
    night: dict[str, Any] = {"consolidated_customers": ("M1",)}
    listed = [("F1", "unknown_tax_rate")]
    assert (
        shop.drafts(asked, sold, month_ends_on=date(2026, 11, 30), **night)
        .exceptions.select("order_id", "reason")
        .rows()
        == listed
    )
    overdue: dict[str, Any] = night | {"overdue_orders": ("F1",), "issued_on": date(2026, 12, 1)}
    assert shop.drafts(asked, sold, **overdue).exceptions.select("order_id", "reason").rows() == listed
    in_germany = asked.with_columns(country=pl.lit("DE"))
    assert shop.night(in_germany, sold, **overdue).invoices["net_amount"].to_list() == [10]
    assert shop.night(in_germany, sold, **night).invoices.is_empty()


def test_a_monthly_invoice_is_corrected_the_same_night() -> None:
    shop = Shop()
    asked = orders("order_id | customer_id | ordered_on", "M | M1 | 2026-11-20")
    night: dict[str, Any] = {"consolidated_customers": ("M1",)}
    [number] = shop.night(
        asked, lines("order_id | line_no | quantity | unit_price", "M | 1 | 5 | 10"), month_ends_on=NIGHT, **night
    ).invoices["invoice_number"]
    more = lines("order_id | line_no | quantity | unit_price", "M | 1 | 5 | 9", "M | 2 | 1 | 100")
    revised = shop.night(asked, more, **night)
    header = "kind | order_id | net_amount"
    assert shown(revised.invoices, header) == drawn(header, "credit_note |  | 50", "invoice |  | 45")
    [second] = revised.invoices.filter(pl.col("kind") == "invoice")["invoice_number"]
    withdrawn = shop.night(asked, more, [number, second], **night)
    assert shown(withdrawn.invoices, header) == drawn(header, "credit_note |  | 45", "invoice |  | 45")


# --- Documents ---------------------------------------------------------------------------------------------------


def test_the_due_date_follows_the_customers_terms_and_is_at_once_without_any() -> None:
    asked = orders("order_id | customer_id", "O1 | K1", "O2 | K2", "O3 | ")
    sold = lines("order_id | line_no | quantity | unit_price", *(f"O{order} | 1 | 1 | 1" for order in (1, 2, 3)))
    assert shown(Shop().night(asked, sold).invoices, "due_on") == [("2026-12-24",), ("2026-11-24",), ("2026-11-24",)]


def test_terms_beyond_all_dates_end_with_the_last_day_that_a_date_can_be() -> None:
    customers = whole_customers(frame("customer_id | payment_terms_days", "K1 | 1000000000", schema=Customer))
    sold = lines("order_id | line_no | quantity | unit_price", "O1 | 1 | 1 | 1")
    issued = Shop(customers=customers).night(orders("order_id", "O1"), sold)
    assert shown(issued.invoices, "due_on") == [("2199-12-31",)]


def test_the_buyer_is_the_customer_else_who_gets_the_parcel() -> None:
    asked = orders(
        "order_id | customer_id | ship_name | ship_street | ship_city | ship_country",
        "O1 | K1 | Other | Side street | Köln | DE",
        "O2 | K2 | Bob's mother | Side street | Köln | DE",
    )
    sold = lines("order_id | line_no | quantity | unit_price", "O1 | 1 | 1 | 1", "O2 | 1 | 1 | 1")
    header = "buyer_name | buyer_street | buyer_city"
    assert shown(Shop().night(asked, sold).invoices, header) == drawn(
        header, "Ann | Road 1 | Bonn", "Bob | Side street | Köln"
    )


def test_nothing_makes_nothing() -> None:
    drafts = Shop().drafts(empty(Order), empty(OrderLine))
    assert drafts.documents.is_empty() and drafts.lines.is_empty() and drafts.exceptions.is_empty()
    assert Shop().issue(drafts).invoices.is_empty()


def test_an_order_of_ten_thousand_lines_is_one_invoice() -> None:
    sold = lines(
        "order_id | line_no | quantity | unit_price", *(f"O1 | {line} | 1 | 0.13" for line in range(1, 10_001))
    )
    issued = Shop().night(ONE_ORDER, sold)
    assert shown(issued.invoices, TOTALS) == drawn(TOTALS, "O1 | 1300 | 247 | 1547")
    assert issued.invoice_lines["line_no"].to_list() == list(range(1, 10_001))


def test_positions_say_where_every_unit_is() -> None:
    shop, asked = Shop(), orders("order_id | channel", "O1 | agent")
    shop.night(asked, one_line("shipped | delivered", "2 | 2"))
    counted = billing_units.positions(
        asked,
        one_line("cancelled | shipped | delivered | returned", "1 | 3 | 3 | 1"),
        shop.invoice_lines,
        shop.invoices,
        CHANNELS,
        billing_policies.Policies(NIGHT),
    )
    header = "ordered | cancelled | returned | invoiced | credited | due | to_bill | to_credit"
    assert shown(counted, header) == drawn(header, "5 | 1 | 1 | 2 | 0 | 2 | 0 | 0")
    header = "billable | waiting | gap | ordered_amount | standing_amount | to_come_amount | undone_amount | gap_amount"
    assert shown(billing_coverage.coverage(counted), header) == drawn(header, "0 | 1 | 0 | 50 | 20 | 10 | 20 | 0")


def test_positions_say_what_every_unit_is_worth() -> None:
    discounted = one_line("cancelled | shipped", "1 | 5", drawn_as="5 | 10.00 | 1.00")
    shop = Shop()
    shop.night(ONE_ORDER, one_line(drawn_as="5 | 10.00 | 1.00"))
    shop.night(ONE_ORDER, discounted)
    counted = billing_units.positions(
        ONE_ORDER, discounted, shop.invoice_lines, shop.invoices, CHANNELS, billing_policies.Policies(NIGHT)
    )
    amounts = "ordered_amount | standing_amount | to_come_amount | undone_amount | gap_amount"
    assert shown(billing_coverage.coverage(counted), amounts) == drawn(amounts, "49 | 39.2 | 0 | 9.8 | 0")


def test_what_could_not_be_billed_is_billable_still_and_what_was_not_credited_is_a_gap() -> None:
    shop = Shop()
    shop.night(ONE_ORDER, one_line("cancelled", "2"))
    abroad = orders("order_id | country", "O2 | FR")
    sold = lines("order_id | line_no | quantity | unit_price | cancelled", "O1 | 1 | 5 | 10 | 3", "O2 | 1 | 2 | 1 | 0")
    counted = billing_units.positions(
        pl.concat([ONE_ORDER, abroad]),
        sold,
        shop.invoice_lines,
        shop.invoices,
        CHANNELS,
        billing_policies.Policies(NIGHT),
    )
    header = "order_id | billable | waiting | gap"
    assert shown(billing_coverage.coverage(counted), header) == drawn(header, "O1 | 0 | 0 | -1", "O2 | 2 | 0 | 0")


def test_the_billing_of_an_order_is_told_in_one_word() -> None:
    asked = orders("order_id", *(f"O{order}" for order in range(1, 7)))
    held = asked.with_columns(status=pl.when(pl.col("order_id") == "O1").then(pl.lit("on_hold")).otherwise("status"))
    header = "order_id | line_no | quantity | unit_price | cancelled"
    sold = lines(header, *(f"O{order} | 1 | 5 | 10 | 0" for order in range(1, 7)))
    later = lines(
        header,
        "O1 | 1 | 5 | 10 | 0",
        "O2 | 1 | 5 | 10 | 0",
        "O3 | 1 | 7 | 10 | 0",
        "O4 | 1 | 5 | 10 | 2",
        "O5 | 1 | 5 | 10 | 5",
        "O6 | 1 | 5 | 9 | 0",
    )
    shop = Shop()
    shop.night(held, sold)
    shop.night(asked.with_columns(has_refused_fact=pl.col("order_id").is_in(["O1", "O3"])), later)
    told = billing_coverage.billing_axis(asked, later, billing_coverage.billed_units(shop.invoice_lines))
    header = "order_id | billing"
    assert shown(told, header) == drawn(
        header,
        "O1 | none",
        "O2 | invoiced",
        "O3 | partly_invoiced",
        "O4 | partly_credited",
        "O5 | credited",
        "O6 | invoiced",
    )
