"""One business date being closed: where, when, and by which settings and rule tables."""

import hashlib
import json
from datetime import date
from functools import cached_property, lru_cache
from pathlib import Path

import polars as pl

from models.rules import entry
from models.rules import stock as stock_rules
from models.tables import FEEDS
from models.tables.base import TableClass, declaration, empty, own_columns, validated
from models.tables.rules import CONTRADICTIONS, RULE_TABLES
from pipelines import feeds
from pipelines.retraction import settle_again
from pipelines.warehouse import Warehouse, morning, nights, stock
from pipelines.workspace import OrderhouseError, Workspace

BUCKET = 100_000
"""Orders handled at once: the memory of a night is bounded by it."""
SMALL = 10_000
"""A feed of at most so many rows is kept in memory for the night."""
DECIDES_NOTHING = ("gates", "reorder_policies", "reminder_levels", "accounts")
"""Rule tables whose change makes no order be judged anew; of gates only what is in force on the day does."""


def rule_table(workspace: Workspace, name: str) -> pl.DataFrame:
    """The rows of a rule table, checked like a feed.

    Raises:
        OrderhouseError: a row that breaks the table, or a file that cannot be read.
    """
    file = workspace.rule_file(name)
    if not file.exists():
        return empty(RULE_TABLES[name])
    try:
        content = file.read_bytes()
    except OSError as error:
        raise OrderhouseError(
            f"Rule table {file} cannot be read ({error.strerror}); mend that, or take it away."
        ) from error
    rows = _checked(name, file, content, workspace.settings.business.time_zone)
    if name == "feeds_expected":
        for feed in sorted(set(rows["feed"]) - {*FEEDS, *workspace.source_folders()}):
            raise OrderhouseError(
                f"Rule table {file}: {feed} is neither a feed nor a source; `orderhouse feeds` names the feeds."
            )
    return rows


@lru_cache(64)
def _checked(name: str, file: Path, _content: bytes, time_zone: str) -> pl.DataFrame:
    """The rows of a file, read again when its content is another."""
    table = RULE_TABLES[name]
    try:
        taken = list(feeds.read(file, file.name, table, time_zone))
    except feeds.Held as held:
        raise OrderhouseError(f"Rule table {file}: {held}") from held
    unknown = sorted({name for each in taken for name in each.extra})
    if unknown:
        known = ", ".join(column.name for column in own_columns(table))
        raise OrderhouseError(f"Rule table {file}: {', '.join(unknown)} is no column of it; it has {known}.")
    for rejected in (each.rejected for each in taken):
        if rejected.height:
            first = rejected.row(0, named=True)
            raise OrderhouseError(
                f"Rule table {file}, row {first['record_number']}: {'; '.join(first['reasons'])}; mend it."
            )
    names = [column.name for column in own_columns(table)]
    rows = pl.concat([empty(table), *(each.accepted.select(names) for each in taken)])
    if name in CONTRADICTIONS:
        is_wrong, told = CONTRADICTIONS[name]
        wrong = rows.with_row_index("row", 1).filter(is_wrong).select("row", told.alias("why"))
        for row, why in wrong.head(1).iter_rows():
            raise OrderhouseError(f"Rule table {file}, row {row}: {why}; mend it.")
    key = list(declaration(table).key)
    twice = rows.select(key).filter(pl.struct(key).is_duplicated()).head(1)
    for values in twice.iter_rows():
        of = ", ".join(f"{name} {value}" for name, value in zip(key, values, strict=True) if value is not None)
        raise OrderhouseError(f"Rule table {file} has two rows of {of or 'no key'}; keep the one that is meant.")
    return rows


class Night:
    """One business date being closed: where, when, and by which rule tables."""

    def __init__(
        self,
        warehouse: Warehouse,
        workspace: Workspace,
        as_of: date,
        *,
        acts: bool = True,
        issued: dict[TableClass, pl.DataFrame] | None = None,
    ) -> None:
        """Find out which orders something happened to.

        Args:
            warehouse: the open warehouse.
            workspace: the workspace.
            as_of: the business date.
            acts: False for a missed date that a later run closes: nothing is told to customers in it.
            issued: what this night issued when it ran first, to be read back by a rebuild.
        """
        self.issued = issued
        self.warehouse, self.workspace, self.as_of, self.acts = warehouse, workspace, as_of, acts
        self.settings = workspace.settings
        self.time_zone = self.settings.business.time_zone
        self._small: dict[str, pl.DataFrame] = {}
        nights.find_retracted(warehouse, as_of)
        settle_again(warehouse, workspace, as_of)
        self.since = nights.since(warehouse, as_of, self.fingerprint)
        self.buckets = range(nights.prepare(warehouse, as_of, self.fingerprint, BUCKET, acts=acts))

    @cached_property
    def _stored(self) -> dict[str, int]:
        """How many rows each feed has; none comes while a night runs."""
        counts = ", ".join(f"(SELECT count(*) FROM feeds.{feed}) AS {feed}" for feed in FEEDS)
        return self.warehouse.frame(f"SELECT {counts}").row(0, named=True)

    @cached_property
    def rules(self) -> dict[str, pl.DataFrame]:
        """Every rule table by name."""
        return {name: rule_table(self.workspace, name) for name in RULE_TABLES}

    @cached_property
    def fingerprint(self) -> str:
        """Stands for all settings and rules that decide about orders: where it changes, every order is judged anew."""
        decides = self.settings.model_dump(mode="json", include={"business", "company", "orders", "stock", "billing"})
        decides["default_location"] = self.default_location
        tables = {name: rows.write_csv() for name, rows in self.rules.items() if name not in DECIDES_NOTHING}
        gates = entry.severities(self.rules["gates"], self.as_of).write_csv()
        return hashlib.sha256(json.dumps([decides, tables, gates], sort_keys=True).encode()).hexdigest()

    @cached_property
    def channels(self) -> pl.DataFrame:
        """How channels differ; one that says nothing of its billing goes by the setting."""
        policy = self.settings.billing.policy
        return self.rules["channels"].with_columns(pl.col("billing").fill_null(policy))

    @cached_property
    def handed_over(self) -> list[str]:
        """Channels that hand the goods over at the sale."""
        return self.rules["channels"].filter("handed_over_at_sale")["channel"].to_list()

    @cached_property
    def goes_live_on(self) -> date:
        """Orders placed before this day are history."""
        return self.settings.business.goes_live_on or nights.first_night(self.warehouse) or self.as_of

    @cached_property
    def default_location(self) -> str:
        """Where orders are sent from that name no place: the setting, else the shop's first location.

        Raises:
            OrderhouseError: the shop keeps a list of locations, and the setting is none of them.
        """
        named = self.settings.business.default_location
        if named is None:
            return stock.first_location(self.warehouse)
        known = stock.location_names(self.warehouse)
        if known and named not in known:
            raise OrderhouseError(
                f"Setting business.default_location is {named!r}, which is none of the locations delivered "
                f"({', '.join(known[:5])}); mend it in {self.workspace.settings_file}, or deliver it in the locations feed."
            )
        return named

    @cached_property
    def missing_feeds(self) -> list[str]:
        """The feeds that were expected tonight and did not come."""
        return morning.missing_feeds(self.warehouse, self.rules["feeds_expected"], self.as_of)

    @property
    def may_order(self) -> bool:
        """False in a night that does not act, and where an expected feed is missing: that must not buy the shop full."""
        return self.acts and (not self.missing_feeds or morning.is_approved(self.warehouse, self.as_of, "reorder"))

    @cached_property
    def currency_rates(self) -> pl.DataFrame:
        """From which day on which exchange rate holds."""
        return stock_rules.rates(self.rows("exchange_rates"), self.settings.business.reporting_currency)

    @cached_property
    def rates_tonight(self) -> pl.DataFrame:
        """Tonight's exchange rates: currency, rate."""
        return (
            self.currency_rates.filter(pl.col("valid_from") <= self.as_of)
            .group_by("currency", maintain_order=True)
            .agg(pl.col("rate").last())
        )

    def costs(self, where: str = "") -> pl.DataFrame:
        """From which day on which unit cost of a SKU holds, of the products that `where` names."""
        versions = stock.product_versions(self.warehouse, self.as_of, where)
        currency = self.settings.business.reporting_currency
        return stock_rules.unit_costs(versions, self.as_of, self.time_zone, currency)

    def is_new(self, stage: str) -> bool:
        """True where a stage last worked by other settings or rules, so that all of it has to be done anew."""
        return bool(
            self.warehouse.value("SELECT value FROM core.meta WHERE name = ?", [f"{stage}_rules"]) != self.fingerprint
        )

    def note_done(self, stage: str) -> None:
        """Note by which settings and rules a stage has worked; part of its transaction."""
        self.warehouse.run("INSERT OR REPLACE INTO core.meta VALUES (?, ?)", [f"{stage}_rules", self.fingerprint])
        self.warehouse.run("DELETE FROM core.meta WHERE name = ?", [f"{stage}_from"])

    def note_changed(self, stage: str, days: str) -> None:
        """Note for a later stage from which day on figures changed; it stays noted until that stage is done."""
        self.warehouse.run(
            f"""INSERT OR REPLACE INTO core.meta
                SELECT '{stage}_from', min(day)::VARCHAR FROM (
                    SELECT min(day) AS day FROM ({days}) AS changed(day)
                    UNION ALL SELECT value::DATE FROM core.meta WHERE name = '{stage}_from')
                HAVING min(day) IS NOT NULL"""
        )

    def changed_from(self, stage: str) -> date:
        """The first day whose figures changed since a stage was done; tonight's at the latest."""
        noted = self.warehouse.value("SELECT value::DATE FROM core.meta WHERE name = ?", [f"{stage}_from"])
        return min(noted or self.as_of, self.as_of)

    def rows(self, feed: str, *columns: str, within: str = "") -> pl.DataFrame:
        """The current rows of a feed tonight: the columns named, else all. A small feed is read once."""
        if not self._stored[feed]:
            return empty(FEEDS[feed]).select(columns or pl.all())
        if within or self._stored[feed] > SMALL:
            return nights.rows(self.warehouse, feed, self.as_of, columns, within)
        if feed not in self._small:
            self._small[feed] = nights.rows(self.warehouse, feed, self.as_of)
        return self._small[feed].select(columns or pl.all())

    def customers_of(self, orders: pl.DataFrame, *columns: str) -> pl.DataFrame:
        """The known customers, at least those of some orders: the columns named."""
        if self._stored["customers"] <= SMALL:
            return self.rows("customers", *columns)
        with self.warehouse.given(named=orders.select("customer_id").unique()):
            return self.rows("customers", *columns, within="SEMI JOIN named USING (customer_id)")

    def put(self, table: TableClass, frame: pl.DataFrame, where: str) -> int:
        """Replace rows of a table by rows proven to satisfy it."""
        return self.warehouse.replace(table, validated(table, frame), where)
