"""The commands as a person types them: what they print, and how they end."""

import csv
import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from models.rules.attention import ACTIONS
from pipelines.cli import REPORTS, main
from pipelines.nightly import nightly
from pipelines.workspace import Workspace
from tests.shops import day, land, query, small_shop


def typed(*words: str, shop: Path | None = None) -> Result:
    named = ["--workspace", str(shop)] if shop else []
    return CliRunner().invoke(main, [*named, *words])


def test_the_readme_names_every_command_report_and_decision() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    commands = [name for name in main.commands if f"`orderhouse {name}" not in readme]
    decisions = readme.partition("What people decide")[2].partition("\n6. ")[0]
    actions = sorted({action for actions in ACTIONS.values() for action in actions if action not in decisions})
    subjects = sorted(subject for subject in ACTIONS if f"`{subject}`" not in decisions)
    assert (commands, [name for name in REPORTS if name not in readme], actions, subjects) == ([], [], [], [])


def test_a_replay_closes_each_night_and_says_each_stage(tmp_path: Path) -> None:
    found = small_shop(tmp_path / "shop")
    ended = typed("replay", "--from", "2026-01-01", "--to", "2026-01-03", shop=found.root)
    assert ended.exit_code == 0
    assert [line.split()[1] for line in ended.output.splitlines() if line.startswith("stage ")] == [
        "intake",
        *["entry", "lifecycle", "stock", "billing", "trends", "demand", "reorder", "turnover", "certificate"] * 3,
        "publish",
    ]
    assert "The night of 2026-01-03 is green" in ended.output


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (
            ["replay", "--from", "2026-01-05", "--to", "2026-01-03"],
            1,
            "The replay would end on 2026-01-03, before it begins",
        ),
        (["replay", "--from", "2026-02-30", "--to", "2026-03-03"], 2, "'2026-02-30' is no date"),
        (["nightly", "--as-of", "yesterday"], 2, "'yesterday' is no date; write it as 2026-11-21."),
        (["track", "o1"], 1, "Nothing is published in"),
        (["feeds", "moon"], 1, "There is no feed moon; the feeds are products,"),
        (["reject", "download", "--feed", "orders", "--out", "x.csv"], 1, "Nothing is published in"),
        (["dance"], 2, "No such command 'dance'"),
    ],
)
def test_every_error_is_one_sentence_with_its_own_exit_code(
    tmp_path: Path, words: list[str], code: int, sentence: str
) -> None:
    found = small_shop(tmp_path / "shop")
    ended = typed(*words, shop=found.root)
    assert ended.exit_code == code
    assert sentence in ended.output
    assert "Traceback" not in ended.output


def test_a_workspace_that_is_not_there_is_named(tmp_path: Path) -> None:
    ended = typed("status", shop=tmp_path / "nowhere")
    assert ended.exit_code == 1
    assert "is no folder; create it" in ended.output


def test_an_unknown_setting_is_an_error_that_names_it(tmp_path: Path) -> None:
    found = small_shop(tmp_path / "shop")
    found.settings_file.write_text("[business]\ntimezone = 'UTC'\n", encoding="utf-8")
    ended = typed("nightly", shop=found.root)
    assert ended.exit_code == 1
    assert "Setting business.timezone: is no known setting" in ended.output


def test_status_fails_when_the_last_green_night_is_late(tmp_path: Path) -> None:
    found = small_shop(tmp_path / "shop")
    nightly(found, day("2026-01-03"))
    late = typed("status", "--json", shop=found.root)
    assert late.exit_code == 1
    told = json.loads(late.output)
    assert told["as_of"] == "2026-01-03"
    assert told["last_stage"]["stage"] == "publish"
    assert isinstance(told["last_stage"]["rows"], int)
    assert isinstance(told["last_stage"]["seconds"], float)
    with (found.warehouse / "runs.ndjson").open("a", encoding="utf-8") as log:
        log.write('{"at": "2026-01-0')  # a kill while the line was written
    assert json.loads(typed("status", "--json", shop=found.root).output) == told
    assert "late" in typed("status", shop=found.root).output


def test_track_tells_a_support_agent_the_whole_story(tmp_path: Path) -> None:
    found = small_shop(tmp_path / "shop")
    nightly(found, day("2026-01-03"))
    told = typed("track", "o1", shop=found.root).output
    assert "Order o1, online, placed Thu 01 Jan 2026 10:00, as of 2026-01-03" in told
    assert "status confirmed · goods partly returned" in told
    assert "4 x A: 4 shipped, 4 delivered, 1 returned" in told
    missing = typed("track", "o", shop=found.root)
    assert missing.exit_code == 1
    assert "No order o is known as of 2026-01-03. Did you mean o1, o2, o3?" in missing.output


def test_rejected_records_are_downloaded_repaired_and_sent_again(tmp_path: Path) -> None:
    found = small_shop(tmp_path / "shop")
    land(
        found,
        "customers",
        "bad.csv",
        "customer_id | name | phone | country",
        "c7 | Max | +49 30 1 | XX",
        "c8 | =cmd() | 1 | YY",
    )
    nightly(found, found.today() - timedelta(days=1))
    listed = json.loads(typed("reject", "list", "--json", "--feed", "customers", shop=found.root).output)
    assert [row["reasons"] for row in listed] == [["country: not_allowed: XX"], ["country: not_allowed: YY"]]
    out = tmp_path / "repair.csv"
    assert typed("reject", "download", "--feed", "customers", "--out", str(out), shop=found.root).exit_code == 0
    with out.open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert [row["phone"] for row in rows] == ["'+49 30 1", "1"]
    rows[0]["country"] = "DE"
    with out.open("w", newline="") as opened:
        writer = csv.DictWriter(opened, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows[:1])
    for _ in range(2):
        assert (
            typed("reject", "resubmit", str(out), "--feed", "customers", "--by", "ann", shop=found.root).exit_code == 0
        )
    nightly(found, found.today())
    assert query(found, "SELECT name, phone, country FROM customers WHERE customer_id = 'c7'") == [
        ("Max", "+49 30 1", "DE")
    ]
    assert query(found, "SELECT action, decided_by FROM decisions") == [("resubmit", "ann")]
    sentences = query(found, "SELECT sentence FROM attention WHERE kind = 'rejected_records' ORDER BY as_of DESC")
    assert sentences[0][0].startswith("1 record of customers in 1 file was rejected")  # type: ignore[attr-defined]


def test_doctor_says_what_is_wrong_and_what_to_do(tmp_path: Path) -> None:
    found = small_shop(tmp_path / "shop")
    land(found, "oders", "o.csv", "a", "1")
    (found.landing / "orders" / "bad.xlsx").write_bytes(b"nothing")
    said = list[str]()
    nightly(found, day("2026-01-03"), said.append)
    assert said[0].startswith("left in landing: oders/ is neither a feed nor a source")
    ended = typed("doctor", shop=found.root)
    assert ended.exit_code == 1
    assert "landing/oders is neither a feed nor a source" in ended.output
    assert "orders/bad.xlsx is held" in ended.output
    assert "[business] reporting_currency = GBP (orderhouse.toml)" in ended.output
    assert "There are no tax rates, so no order of online, agent can be billed" in ended.output


def test_doctor_knows_a_monthly_customer_who_is_none_and_is_silent_where_all_is_set_up(tmp_path: Path) -> None:
    found = small_shop(tmp_path / "shop")
    with found.settings_file.open("a", encoding="utf-8") as settings:
        settings.write('[billing]\nconsolidated_customers = ["c1", "c7"]\n')
    (found.root / "rules").mkdir()
    rates = found.root / "rules" / "tax_rates.csv"
    rates.write_text("tax_code,country,valid_from,rate_percent\nSTD,GB,,20\n", encoding="utf-8")
    nightly(Workspace(found.root), day("2026-01-03"))
    told = typed("doctor", shop=found.root).output
    assert "consolidated_customers names c7, which is no customer" in told
    assert "names c1" not in told
    assert "no tax rates" not in told


def test_doctor_finds_a_night_that_was_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = small_shop(tmp_path / "shop")

    def killed(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("pipelines.nightly.STAGES", {"entry": lambda _: 0, "lifecycle": killed})
    with pytest.raises(KeyboardInterrupt):
        nightly(found, day("2026-01-03"))
    assert "The night of 2026-01-03 was begun and not ended" in typed("doctor", shop=found.root).output


def test_a_broken_rule_table_stops_the_night_with_its_row(tmp_path: Path) -> None:
    found = small_shop(tmp_path / "shop")
    (found.root / "rules").mkdir()
    (found.root / "rules" / "gates.csv").write_text(
        "gate,severity,limit,valid_from\nno_lines,explode,,\n", encoding="utf-8"
    )
    ended = typed("replay", "--from", "2026-01-01", "--to", "2026-01-01", shop=found.root)
    assert ended.exit_code == 1
    assert "gates.csv, row 1: severity: not_allowed: explode" in ended.output


def test_the_contract_and_a_template_are_printed() -> None:
    assert "order_id*" in typed("feeds", "orders").output
    assert typed("feeds", "exchange_rates", "--template").output.strip() == "currency,quoted_on,rate"


def test_a_sample_fills_landing_and_brings_its_settings(tmp_path: Path) -> None:
    words = [
        "sample",
        "--orders",
        "20",
        "--days",
        "2",
        "--skus",
        "20",
        "--until",
        "2026-01-02",
        "--out",
        str(tmp_path / "landing"),
    ]
    ended = typed(*words)
    assert ended.exit_code == 0
    assert (tmp_path / "orderhouse.toml").exists()
    assert (tmp_path / "landing" / "orders" / "orders-2026-01-02.csv").exists()


def test_light_commands_need_no_heavy_imports(tmp_path: Path) -> None:
    found = small_shop(tmp_path / "shop")
    nightly(found, day("2026-01-03"))
    program = "import sys; from click.testing import CliRunner; from pipelines.cli import main\n"
    program += f"CliRunner().invoke(main, ['-w', {str(found.root)!r}, 'status'])\n"
    program += (
        "print([name for name in ('dagster', 'pandera', 'polars', 'streamlit', 'plotly') if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]"


def test_what_nobody_foresaw_is_a_sentence_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = small_shop(tmp_path / "shop")

    def broken(*_: object) -> None:
        raise RuntimeError("the disk is on fire")

    monkeypatch.setattr("pipelines.nightly.replay", broken)
    ended = typed("replay", "--from", "2026-01-01", "--to", "2026-01-01", shop=found.root)
    assert ended.exit_code == 1
    assert (
        "Error: something unexpected happened (RuntimeError: the disk is on fire); what was committed stays"
        in ended.output
    )
    assert "Traceback" not in ended.output


def test_a_file_that_cannot_be_read_stays_in_landing_and_stops_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = small_shop(tmp_path / "shop")
    locked = land(
        found,
        "orders",
        "locked.csv",
        "order_id | channel | ordered_at | currency",
        "x | store | 2026-01-01T08:00:00Z | GBP",
    )
    real = Path.open

    def opened(path: Path, *arguments: object, **named: object) -> object:
        if path.name == "locked.csv":
            raise PermissionError(13, "Permission denied")
        return real(path, *arguments, **named)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", opened)
    said: list[str] = []
    nightly(found, day("2026-01-03"), said.append)
    assert locked.exists()
    assert "left in landing: orders/locked.csv cannot be read (Permission denied); mend its permissions" in said
    assert query(found, "SELECT count(*) FROM orders") == [(4,)]


def test_landing_that_this_user_may_not_change_stops_no_night(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = small_shop(tmp_path / "shop")
    kept, closed = found.landing / "products" / "products.csv", found.landing / "payments"
    closed.mkdir()
    real = os.access, Path.unlink

    def unlinked(path: Path, *, missing_ok: bool = False) -> None:
        if path == kept:
            raise PermissionError(13, "Permission denied")
        real[1](path, missing_ok=missing_ok)

    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != closed and real[0](path, mode))
    monkeypatch.setattr(Path, "unlink", unlinked)
    for night in ("2026-01-03", "2026-01-04"):
        said: list[str] = []
        assert nightly(found, day(night), said.append).is_green
        assert "left in landing: payments/ cannot be read; mend its permissions" in said
        assert [line for line in said if line.startswith("left in landing: products/products.csv was taken in")]
    assert query(found, "SELECT count(*) FROM feed_files WHERE feed = 'products'") == [(1,)]
    assert "landing/payments cannot be read by this user" in typed("doctor", shop=found.root).output


def test_a_workspace_that_cannot_be_written_to_is_told_in_a_sentence(tmp_path: Path) -> None:
    found = small_shop(tmp_path / "shop")
    found.warehouse.write_text("no folder", encoding="utf-8")
    for command in ("nightly", "doctor"):
        ended = typed(command, shop=found.root)
        assert ended.exit_code == 1
        assert "warehouse cannot be written to" in ended.output


def test_records_are_sent_again_to_feeds_only_however_long_they_are(tmp_path: Path) -> None:
    found = small_shop(tmp_path / "shop")
    rows = "".join(f"s{number},name,1\n" for number in range(20_000))
    (found.landing / "products" / "open.csv").write_text(f'sku,name,unit_price\nQ,"x,1\n{rows}', encoding="utf-8")
    nightly(found, day("2026-01-03"))
    out = tmp_path / "repair.csv"
    assert typed("reject", "download", "--feed", "products", "--out", str(out), shop=found.root).exit_code == 0
    for feed, said in (("product", "product is no feed"), ("online_retail", "online_retail is no feed")):
        ended = typed("reject", "resubmit", str(out), "--feed", feed, shop=found.root)
        assert ended.exit_code == 1
        assert said in ended.output
    ended = typed("reject", "resubmit", str(out), "--feed", "products", shop=found.root)
    assert "field larger than field limit" not in ended.output


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ('[company]\ncountry = "UK"', "'UK' is no country of ISO 3166-1"),
        ('[business]\nreporting_currency = "ZZZ"', "'ZZZ' is no currency of ISO 4217"),
        ('[business]\ntime_zone = "localtime"', "'localtime' is no IANA time zone"),
        ('[billing]\ninvoice_series = ""', "billing.invoice_series"),
    ],
)
def test_a_setting_that_nobody_else_knows_stops_the_night_and_doctor_says_so(
    setting: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / "orderhouse.toml").write_text(setting, encoding="utf-8")
    for command in ("nightly", "doctor"):
        ended = typed(command, shop=tmp_path)
        assert ended.exit_code == 1
        assert said in ended.output


def test_a_disk_that_is_full_or_closed_is_told_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = small_shop(tmp_path / "shop")

    def full(_: object) -> int:
        raise RuntimeError("TransactionContext Error: could not write: No space left on device")

    monkeypatch.setattr("pipelines.nightly.STAGES", {"entry": full})
    ended = typed("nightly", shop=found.root)
    assert (ended.exit_code, ended.output.splitlines()[-1]) == (
        1,
        "Error: The disk is full; make room and give the command again: what was committed stays.",
    )
    (found.root / "orderhouse.toml").unlink()
    (found.root / "orderhouse.toml").mkdir()
    closed = typed("doctor", shop=found.root)
    assert closed.exit_code == 1
    assert "orderhouse.toml cannot be used (Is a directory); mend that and give the command again." in closed.output


def test_rejects_of_a_feed_that_is_none_are_no_empty_list(tmp_path: Path) -> None:
    found = small_shop(tmp_path / "shop")
    nightly(found, day("2026-01-03"))
    assert "nope is neither a feed nor a source" in typed("reject", "list", "--feed", "nope", shop=found.root).output
    assert "0 rejected records" in typed("reject", "list", "--feed", "orders", shop=found.root).output


def test_rule_files_and_variables_that_nothing_goes_by_are_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = small_shop(tmp_path / "shop")
    (found.root / "rules").mkdir()
    for name in ("gatez.csv", "gates.csv~", "zones.csv", ".hidden"):
        (found.root / "rules" / name).write_text("gate\n", encoding="utf-8")
    told = typed("nightly", "--as-of", "2026-01-02", shop=found.root)
    assert told.exit_code == 0
    assert [Path(line.split()[5].rstrip(",")).name for line in told.output.splitlines() if "left aside" in line] == [
        "gates.csv~",
        "gatez.csv",
    ]
    monkeypatch.setenv("ORDERHOUSE_BILING__POLICY", "on_shipment")
    doctor = typed("doctor", shop=found.root)
    assert "ORDERHOUSE_BILING__POLICY is no setting" in doctor.output
    assert "gatez.csv, which is no rule table" in doctor.output


def test_far_from_any_workspace_the_one_meant_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ORDERHOUSE_WORKSPACE", raising=False)
    assert "No workspace here or above; this is about " in typed("track", "o1").output
    assert "No workspace here" not in typed("track", "o1", shop=tmp_path).output


def test_doctor_shows_no_secret(tmp_path: Path) -> None:
    found = small_shop(tmp_path / "shop")
    with (found.root / "orderhouse.toml").open("a", encoding="utf-8") as settings:
        settings.write('[auth]\ncookie_secret = "crumbs"\n[auth.google]\nclient_secret = "keys"\n')
    told = typed("doctor", shop=found.root).output
    assert "cookie_secret = (set, not shown)" in told
    assert "crumbs" not in told
    assert "keys" not in told
