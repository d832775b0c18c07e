"""One workspace: its folders, its settings, its publications.

The dashboards import this module and no other of this floor.
"""

import csv
import hashlib
import io
import json
import os
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

PROJECT = Path(__file__).resolve().parent.parent
SETTINGS_FILE = "orderhouse.toml"
SHOP_RULES = ("tax_rates", "carrier_services", "zones", "holidays")
"""Rule tables that no project can have for a shop."""
SERIES = r"^\w(?:[\w ./-]*\w)?$"
"""What the name of a series of numbers may be: it stands in numbers, in names of files and on paper."""


FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a spreadsheet takes for the beginning of a formula."""


def neutral(text: str) -> str:
    """A text as a CSV for people carries it: behind an apostrophe where a spreadsheet would run it."""
    return f"'{text}" if text.startswith(FORMULA) else text


def restored(text: str) -> str:
    """What `neutral` was given."""
    return text[1:] if text.startswith("'") and text[1:].startswith(FORMULA) else text


class OrderhouseError(Exception):
    """Something a person can mend; the message is one sentence that says what to do."""

    exit_code = 1


class Section(BaseModel):
    """A section of the settings; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid")


class Business(Section):
    """When a day ends, in which currency figures are reported, and from when on the shop lives here."""

    time_zone: str = "UTC"
    reporting_currency: str = "EUR"
    default_location: str | None = None
    goes_live_on: date | None = None

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value == "localtime" or value not in available_timezones():
            raise ValueError(f"{value!r} is no IANA time zone, such as 'Europe/London'")
        return value

    @field_validator("reporting_currency")
    @classmethod
    def _currency_code(cls, value: str) -> str:
        import pycountry

        if value not in {currency.alpha_3 for currency in pycountry.currencies}:
            raise ValueError(f"{value!r} is no currency of ISO 4217, such as 'EUR'")
        return value


class Company(Section):
    """Who we are, on documents."""

    name: str = "Orderhouse"
    street: str | None = None
    city: str | None = None
    postcode: str | None = None
    country: str | None = None
    tax_id: str | None = None
    email: str | None = None
    iban: str | None = None
    logo: str | None = None
    gs1_prefix: str | None = None

    @field_validator("country")
    @classmethod
    def _known_country(cls, value: str | None) -> str | None:
        import pycountry

        if value and value not in {country.alpha_2 for country in pycountry.countries}:
            raise ValueError(f"{value!r} is no country of ISO 3166-1, such as 'GB'")
        return value

    @field_validator("iban")
    @classmethod
    def _valid_iban(cls, value: str | None) -> str | None:
        if value:
            from stdnum import iban

            if not iban.is_valid(value):
                raise ValueError(f"{value!r} is no IBAN: its check digits do not fit")
        return value


class Orders(Section):
    """How orders are confirmed."""

    auto_confirm: bool = True


class Stock(Section):
    """How stock is kept."""

    shipments_from_events: bool = False


class Fulfilment(Section):
    """How orders are shipped; nothing goes by it yet."""

    ship_policy: Literal["partial", "complete", "line"] = "partial"
    max_splits: int = Field(default=2, ge=1)


class Billing(Section):
    """How orders are billed."""

    policy: Literal["on_confirmation", "on_shipment", "on_delivery"] = "on_confirmation"
    prices_include_tax: bool = False
    tax_rounding: Literal["per_rate", "per_line"] = "per_rate"
    default_tax_code: str = "STD"
    number_width: int = Field(default=9, ge=1, le=18)
    first_number: int = Field(default=1, ge=0, lt=10**15)
    shipping_tax_code: str = "STD"
    consolidated_customers: list[str] = []
    invoice_series: str = Field(default="INV", pattern=SERIES)
    credit_series: str = Field(default="CRN", pattern=SERIES)


class Reorder(Section):
    """How purchases are proposed."""

    order_line_cost: Decimal = Field(default=Decimal("2.00"), ge=0)
    holding_rate: Decimal = Field(default=Decimal("0.25"), gt=0)
    auto_approve_below: Decimal = Field(default=Decimal(0), ge=0)
    budget: Decimal | None = Field(default=None, ge=0)
    history_days: int = Field(default=365, ge=28, le=3650)
    maximum_cover_days: int | None = Field(default=None, ge=1)


class Publish(Section):
    """How many publications and nights are kept."""

    keep: int = Field(default=14, ge=1)
    nights: int = Field(default=35, ge=1, le=36_500)


class Notify(Section):
    """A command that is run after every night, with the result as JSON on its standard input."""

    command: str | None = None


class Auth(Section):
    """Who may see the dashboards; read by Streamlit."""

    model_config = ConfigDict(extra="allow")


class Settings(BaseSettings):
    """All settings of a workspace: its file, and the environment, which wins."""

    model_config = SettingsConfigDict(
        env_prefix="ORDERHOUSE_", env_nested_delimiter="__", extra="forbid", nested_model_default_partial_update=True
    )

    business: Business = Business()
    company: Company = Company()
    orders: Orders = Orders()
    stock: Stock = Stock()
    fulfilment: Fulfilment = Fulfilment()
    billing: Billing = Billing()
    reorder: Reorder = Reorder()
    publish: Publish = Publish()
    notify: Notify = Notify()
    auth: Auth = Auth()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file, whose content is handed in."""
        return env_settings, init_settings


@dataclass(frozen=True)
class Publication:
    """One published file: what was known after the night of `as_of`."""

    file: Path
    as_of: date
    number: int


@dataclass(frozen=True)
class Decision:
    """What a person decided on one thing, as the feed `decisions` carries it."""

    decision_id: str
    subject: str
    subject_id: str
    action: str
    quantity: int | None
    decided_by: str
    decided_at: datetime
    reason: str | None = None


def decision_id(subject: str, *seen: object) -> str:
    """The id of a decision, derived from all that the person saw and chose: the same choice, made twice on the same
    sight, is one decision."""
    told = json.dumps([str(part) for part in seen], ensure_ascii=False)
    return f"{subject}-{hashlib.sha256(told.encode()).hexdigest()[:24]}"


@dataclass(frozen=True)
class Workspace:
    """A folder that holds everything of one shop; `rules` names another folder of rule tables than its own."""

    root: Path
    rules: Path | None = None

    @property
    def landing(self) -> Path:
        """Where files are dropped, one folder per feed or source."""
        return self.root / "landing"

    @property
    def archive(self) -> Path:
        """The bytes of every delivered file, by sha256."""
        return self.root / "archive"

    @property
    def journal(self) -> Path:
        """What each night took in and issued."""
        return self.root / "journal"

    @property
    def warehouse(self) -> Path:
        """The folder of the one file that the nights write."""
        return self.root / "warehouse"

    @property
    def published(self) -> Path:
        """The folder of published files, pointer and link."""
        return self.root / "published"

    @property
    def exports(self) -> Path:
        """Files for other people and programs."""
        return self.root / "exports"

    @property
    def documents(self) -> Path:
        """Files for customers, suppliers and carriers."""
        return self.root / "documents"

    @property
    def settings_file(self) -> Path:
        """The settings of this workspace; without it the defaults hold."""
        return self.root / SETTINGS_FILE

    @cached_property
    def file_settings(self) -> dict[str, Any]:
        """What the settings file says, as it stands.

        Raises:
            OrderhouseError: the file is no TOML.
        """
        if not self.settings_file.exists():
            return {}
        try:
            return tomllib.loads(self.settings_file.read_text(encoding="utf-8-sig"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise OrderhouseError(f"{self.settings_file} is no valid TOML ({error}); mend that line.") from error

    @cached_property
    def settings(self) -> Settings:
        """The settings in force.

        Raises:
            OrderhouseError: an unknown key or a value that is not allowed.
        """
        try:
            return Settings(**self.file_settings)
        except SettingsError as error:
            raise OrderhouseError(
                f"A variable of the environment cannot be read: {error}; mend or unset it."
            ) from error
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            what = (
                "is no known setting"
                if first["type"] == "extra_forbidden"
                else first["msg"].removeprefix("Value error, ")
            )
            raise OrderhouseError(
                f"Setting {place}: {what}; mend it in {self.settings_file} or the environment."
            ) from error

    @property
    def time_zone(self) -> ZoneInfo:
        """The business time zone."""
        return ZoneInfo(self.settings.business.time_zone)

    def today(self) -> date:
        """Today in the business time zone; the shells ask, the rules never do."""
        return datetime.now(self.time_zone).date()

    def rule_file(self, name: str) -> Path:
        """A rule table of this workspace, else the project's; tax rates, carriers and the like are the shop's only."""
        own = (self.rules or self.root / "rules") / f"{name}.csv"
        return own if own.exists() or name in SHOP_RULES else PROJECT / "data" / "rules" / f"{name}.csv"

    def strange_rule_files(self, known: Iterable[str]) -> list[Path]:
        """What lies in the shop's folder of rule tables and is none of those known: nothing goes by it."""
        folder = self.rules or self.root / "rules"
        files = {f"{name}.csv" for name in (*known, *SHOP_RULES)}
        found = folder.iterdir() if folder.is_dir() else ()
        return sorted(file for file in found if file.name not in files and not file.name.startswith("."))

    def source_folders(self) -> dict[str, Path]:
        """Every source by its name; the workspace's own win."""
        folders = [*(PROJECT / "data" / "sources").glob("*/"), *(self.root / "sources").glob("*/")]
        return {folder.name: folder for folder in sorted(folders, key=lambda path: path.name) if folder.is_dir()}

    def pointer(self) -> Publication | None:
        """The newest publication, or none before the first green night."""
        try:
            found = json.loads((self.published / "current.json").read_text(encoding="utf-8"))
            return Publication(self.published / found["file"], date.fromisoformat(found["as_of"]), found["publication"])
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise OrderhouseError(
                f"{self.published / 'current.json'} is damaged; remove it and run `orderhouse nightly` for the last night again."
            ) from error

    def publications(self) -> list[Publication]:
        """The kept publications, newest first; the newest of each business date only."""
        newest: dict[date, Publication] = {}
        for file in self.published.glob("orderhouse-*.duckdb"):
            _, *day, number = file.stem.split("-")
            found = Publication(file, date.fromisoformat("-".join(day)), int(number))
            if found.as_of not in newest or newest[found.as_of].number < found.number:
                newest[found.as_of] = found
        return sorted(newest.values(), key=lambda found: found.as_of, reverse=True)

    def decide(self, decisions: Sequence[Decision], since: date = date.min) -> Path | None:
        """Land decisions as one file, which the next night takes in; it is whole before it has a name that is taken.

        Args:
            since: the night on whose sight it was decided; nothing older can be the same decision.

        Returns:
            The file, or none where the same decisions landed before.

        Raises:
            OrderhouseError: landing cannot be written.
        """
        known = {found.decision_id for found in self.decided(since)}
        fresh = [decision for decision in decisions if decision.decision_id not in known]
        if not fresh:
            return None
        digest = hashlib.sha256("\n".join(decision.decision_id for decision in fresh).encode()).hexdigest()[:16]
        folder = self.landing / "decisions"
        file = folder / f"{fresh[0].subject}-{digest}.csv"
        draft = folder / f".{file.name}.{os.getpid()}.draft"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with draft.open("w", encoding="utf-8", newline="") as opened:
                writer = csv.DictWriter(opened, [field.name for field in fields(Decision)], lineterminator="\n")
                writer.writeheader()
                for decision in fresh:
                    writer.writerow(
                        asdict(decision)
                        | {"decided_at": decision.decided_at.astimezone(UTC).isoformat(timespec="milliseconds")}
                    )
                opened.flush()
                os.fsync(opened.fileno())
            draft.replace(file)
        except OSError as error:
            raise OrderhouseError(
                f"The decision was not saved: {folder} cannot be written ({error.strerror}); make it writable."
            ) from error
        return file

    def decided(self, since: date) -> list[Decision]:
        """Decisions that landed, and those that a night since then took in, in the order of their moments.

        Only files as `decide` writes them are read; what a night has published stands in the feed `decisions`.
        """
        found = {decision.decision_id: decision for text in self._landed(since) for decision in _read(text)}
        return sorted(found.values(), key=lambda decision: (decision.decided_at, decision.decision_id))

    def _landed(self, since: date) -> Iterator[str]:
        """The decision files in landing and in the archive, as they stand."""
        files = sorted((self.landing / "decisions").glob("[!.]*.csv"))
        try:
            deliveries = (self.archive / "deliveries.ndjson").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            deliveries = []
        taken = (json.loads(line) for line in deliveries if '"feed": "decisions"' in line)
        archived = (found["sha256"] for found in taken if date.fromisoformat(found["night"]) >= since)
        for file in [*(self.archive / sha256[:2] / sha256 for sha256 in archived), *files]:
            try:
                yield file.read_text(encoding="utf-8-sig")
            except (FileNotFoundError, UnicodeDecodeError):
                # taken in between two looks, or no file of ours
                continue


def _read(text: str) -> Iterable[Decision]:
    """The decisions of a file; none where it is not one of ours."""
    try:
        rows = list(csv.DictReader(io.StringIO(text), strict=True))
        return [
            Decision(
                row["decision_id"],
                row["subject"],
                row["subject_id"],
                row["action"],
                int(row["quantity"]) if row.get("quantity") else None,
                row["decided_by"],
                datetime.fromisoformat(row["decided_at"]).astimezone(UTC),
                row.get("reason") or None,
            )
            for row in rows
        ]
    except (KeyError, TypeError, ValueError, csv.Error):
        return []


def find(explicit: Path | None = None) -> Workspace:
    """The workspace to use: the one named, else ORDERHOUSE_WORKSPACE, else the nearest folder upward with settings,
    else the project's own `data/`.

    Raises:
        OrderhouseError: the named folder does not exist.
    """
    named = explicit or (Path(os.environ["ORDERHOUSE_WORKSPACE"]) if os.environ.get("ORDERHOUSE_WORKSPACE") else None)
    if named is not None:
        if not named.is_dir():
            raise OrderhouseError(f"The workspace {named} is no folder; create it, or name another with --workspace.")
        return Workspace(named.resolve())
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / SETTINGS_FILE).exists():
            return Workspace(folder)
    return Workspace(PROJECT / "data")
