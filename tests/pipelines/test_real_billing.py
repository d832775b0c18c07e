"""Real orders billed in full: every invoice adds up from the order lines, to the penny."""

from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

from pipelines import verify
from pipelines.nightly import nightly, replay
from pipelines.workspace import Workspace
from tests.realdata import online_retail, oracle, taxed
from tests.shops import query

PENNY = Decimal("0.01")
STANDING = """SELECT sum(CASE kind WHEN 'invoice' THEN 1 ELSE -1 END * net_amount) AS net,
                     sum(CASE kind WHEN 'invoice' THEN 1 ELSE -1 END * tax_amount) AS tax,
                     sum(CASE kind WHEN 'invoice' THEN 1 ELSE -1 END * gross_amount) AS gross FROM invoices"""
FIRST, THIRTIETH, LAST = date(2010, 12, 1), date(2010, 12, 30), date(2011, 8, 31)


def rounded(amount: Decimal) -> Decimal:
    return amount.quantize(PENNY, ROUND_HALF_UP)


def due(found: Workspace) -> dict[str, Decimal]:
    """What each order owes without tax: its units neither cancelled nor returned at their price, each line rounded."""
    owed: dict[str, Decimal] = {}
    for order, quantity, price in query(
        found,
        """SELECT order_id, quantity - cancelled - returned, unit_price FROM order_lines
           WHERE order_id NOT IN (SELECT order_id FROM orders WHERE status = 'rejected' OR status = 'on_hold')""",
    ):
        assert isinstance(order, str)
        assert isinstance(quantity, int)
        assert isinstance(price, Decimal)
        owed[order] = owed.get(order, Decimal(0)) + rounded(quantity * price)
    return owed


def test_the_web_shop_billed_in_one_night_adds_up_to_its_order_lines(realdata: Path, tmp_path: Path) -> None:
    found = taxed(online_retail(tmp_path / "shop"))
    assert nightly(found, LAST).is_green
    owed = {order: amount for order, amount in due(found).items() if amount}
    tax = sum((rounded(amount * Decimal("0.2")) for amount in owed.values()), Decimal(0))
    [(net, billed_tax, gross)] = query(found, STANDING)
    assert (net, billed_tax, gross) == (sum(owed.values()), tax, sum(owed.values()) + tax)
    # all orders less what was cancelled of them: 6,304,826.06 - 249,598.69, as the sales of the files reconcile
    assert net == Decimal("6304826.06") - Decimal("249598.69")
    assert query(
        found, "SELECT count(*), sum(gross_amount) FROM billing_exceptions JOIN invoices USING (order_id)"
    ) == [(0, None)]
    assert verify.invoices(found).holds


def test_the_web_shop_billed_night_by_night_comes_to_the_same(realdata: Path, tmp_path: Path) -> None:
    found = taxed(online_retail(tmp_path / "shop", THIRTIETH))
    assert replay(found, FIRST, THIRTIETH).is_green
    [(net, _, gross)] = query(found, STANDING)
    assert net == sum(due(found).values())
    assert query(found, "SELECT sum(outstanding_amount) FROM daily_billing WHERE day = DATE '2010-12-30'") == [(gross,)]
    assert query(found, "SELECT count(*) > 100 FROM invoices WHERE kind = 'credit_note'") == [(True,)]
    assert verify.invoices(found).holds


def test_the_clothes_shop_billed_in_full_adds_up_to_its_order_lines(realdata: Path, tmp_path: Path) -> None:
    found = taxed(oracle(tmp_path / "shop"))
    assert nightly(found, date(2022, 4, 12)).is_green
    owed = {order: amount for order, amount in due(found).items() if amount}
    tax = sum((rounded(amount * Decimal("0.2")) for amount in owed.values()), Decimal(0))
    assert query(found, STANDING) == [(sum(owed.values()), tax, sum(owed.values()) + tax)]
    assert query(found, "SELECT reason, count(*) FROM billing_exceptions GROUP BY ALL") == []
    assert verify.invoices(found).holds
