"""The command line: what an operator, an analyst and a support agent type. Imports are inside, so that light commands start at once."""

import errno
import os
import sys
import tempfile
import traceback
from dataclasses import asdict
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from pipelines import workspace as workspaces
from pipelines.documents import FORMATS, REPORTS
from pipelines.workspace import OrderhouseError, Workspace

RED = 3


class Day(click.ParamType):
    """A business date, `YYYY-MM-DD`."""

    name = "YYYY-MM-DD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Read the date, or say what is wrong with it."""
        if isinstance(value, date):
            return value
        try:
            return datetime.strptime(value, "%Y-%m-%d").date()  # noqa: DTZ007
        except ValueError:
            self.fail(f"{value!r} is no date; write it as 2026-11-21.", param, ctx)


DAY = Day()


class Commands(click.Group):
    """The commands; every error a person can mend is one sentence."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; the exit code says how it ended."""
        try:
            return super().invoke(ctx)
        except OrderhouseError as error:
            click.echo(f"Error: {error}", err=True)
            ctx.exit(error.exit_code)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except BrokenPipeError:  # the reader has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(0)
        except Exception as error:  # the one place where nothing better can be said
            if said := _mendable(error):
                click.echo(f"Error: {said}", err=True)
                ctx.exit(1)
            log = Path(tempfile.gettempdir()) / f"orderhouse-error-{os.getpid()}.log"
            log.write_text(traceback.format_exc(), encoding="utf-8")
            first = (str(error).splitlines() or [""])[0]
            click.echo(
                f"Error: something unexpected happened ({type(error).__name__}: {first}); what was committed stays, and the "
                f"command can be given again. For who mends it, the details are in {log}.",
                err=True,
            )
            ctx.exit(1)


def _mendable(error: Exception) -> str | None:
    """What a person can do about a disk that is full or closed to this user; none where it is something else."""
    if "No space left on device" in str(error):
        return "The disk is full; make room and give the command again: what was committed stays."
    closed = isinstance(error, PermissionError | IsADirectoryError | NotADirectoryError)
    if isinstance(error, OSError) and error.filename and (closed or error.errno == errno.EROFS):
        return f"{error.filename} cannot be used ({error.strerror}); mend that and give the command again."
    return None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--workspace",
    "-w",
    type=click.Path(path_type=Path),
    help="The workspace folder; else ORDERHOUSE_WORKSPACE, else the nearest folder upward with an orderhouse.toml, "
    "else the project's own data.",
)
@click.version_option(package_name="orderhouse")
@click.pass_context
def main(ctx: click.Context, workspace: Path | None) -> None:
    """Orderhouse: feeds come in, a night runs, and in the morning every figure agrees with every other."""
    ctx.obj = workspace


def _workspace(ctx: click.Context) -> Workspace:
    found = workspaces.find(ctx.obj)
    is_named = ctx.obj or os.environ.get("ORDERHOUSE_WORKSPACE")
    is_beside = workspaces.PROJECT in (Path.cwd(), *Path.cwd().parents)
    if found.root == workspaces.PROJECT / "data" and not is_named and not is_beside:
        click.echo(f"No workspace here or above; this is about {found.root}. Name another with --workspace.", err=True)
    _ = found.settings
    return found


def _end(run: Any, *, is_json: bool = False) -> None:
    """Say how a run ended, and end with its exit code."""
    if is_json:
        from pipelines.warehouse.read import as_json

        click.echo(as_json(run.told()))
    elif run.publication is not None:
        click.echo(f"The night of {run.as_of} is green and published as {run.publication.file.name}.")
    if not run.is_green:
        for proof in run.broken_proofs:
            click.echo(f"broken: {proof}", err=True)
        click.echo(
            f"Error: the certificate of {run.as_of} is red, so nothing was published and the last good night stays on show; "
            "`orderhouse doctor` says what to look at.",
            err=True,
        )
        sys.exit(RED)


@main.command()
@click.option("--as-of", type=DAY, help="The business date to close; default: yesterday in the business time zone.")
@click.option("--json", "is_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def nightly(ctx: click.Context, as_of: date | None, is_json: bool) -> None:
    """Take in what landed, close the business dates that are due, prove and publish the last."""
    from pipelines.orchestrated import nightly as run_nightly

    def say(line: str) -> None:
        click.echo(line, err=is_json)

    _end(run_nightly(_workspace(ctx), as_of, say), is_json=is_json)


@main.command()
@click.option("--from", "first", type=DAY, required=True, help="The first business date.")
@click.option("--to", "last", type=DAY, required=True, help="The last business date.")
@click.pass_context
def replay(ctx: click.Context, first: date, last: date) -> None:
    """Close many business dates one by one, in one process."""
    from pipelines.nightly import replay as run_replay

    _end(run_replay(_workspace(ctx), first, last, click.echo))


@main.command()
@click.pass_context
def rebuild(ctx: click.Context) -> None:
    """Make the warehouse anew from archive and journal; what was issued is read back."""
    from pipelines.rebuild import rebuild as run_rebuild

    _end(run_rebuild(_workspace(ctx), click.echo))


@main.command()
@click.option("--days", default=430, show_default=True, type=click.IntRange(15), help="Days of history.")
@click.option(
    "--orders-per-day", default=60.0, show_default=True, type=click.FloatRange(1), help="Average orders a day."
)
@click.option("--skus", default=300, show_default=True, type=click.IntRange(1), help="Products.")
@click.option("--seed", default=1, show_default=True, help="Another seed, another shop.")
@click.pass_context
def demo(ctx: click.Context, days: int, orders_per_day: float, skus: int, seed: int) -> None:
    """Sample feeds, the nights, a published result: everything on this machine, offline."""
    from pipelines.demo import demo as run_demo

    run = run_demo(workspaces.find(ctx.obj), days, orders_per_day, skus, seed, click.echo)
    if run is not None and not run.is_green:
        _end(run)


@main.command()
@click.option("--orders", required=True, type=click.IntRange(1), help="Orders in all.")
@click.option("--days", required=True, type=click.IntRange(1), help="Over so many days.")
@click.option("--skus", default=300, show_default=True, type=click.IntRange(1), help="Products.")
@click.option("--seed", default=1, show_default=True, help="Another seed, another shop.")
@click.option("--until", type=DAY, help="The last day; default: yesterday.")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="The landing folder to fill."
)
def sample(orders: int, days: int, skus: int, seed: int, until: date | None, out: Path) -> None:
    """Write believable feeds into a landing folder; beside it, where absent, settings and rule tables."""
    from pipelines import sample as samples

    last = until or date.today() - timedelta(days=1)  # noqa: DTZ011
    first = last - timedelta(days=days - 1)
    samples.settle(out.parent, first)
    begun = Workspace(out.parent.resolve()).settings.business.goes_live_on
    written = samples.write(
        out,
        first=first,
        last=last,
        history_from=min(begun, first) if begun else first,
        orders_per_day=orders / days,
        skus=skus,
        seed=seed,
        progress=lambda line: click.echo(line, err=True),
    )
    for feed, rows in written.rows.items():
        click.echo(f"{feed:<18} {rows:>12,} rows")
    click.echo(f"{sum(written.rows.values()):,} rows in {written.files:,} files of {first} to {last} in {out}")


@main.command()
@click.option("--json", "is_json", is_flag=True, help="Print it as JSON.")
@click.pass_context
def status(ctx: click.Context, is_json: bool) -> None:
    """Say what is published and whether it is late; ends with 1 when the last green night is late."""
    from pipelines.inquiries import status as read_status
    from pipelines.warehouse.read import as_json

    found = read_status(_workspace(ctx))
    click.echo(as_json(found) if is_json else found["sentence"])
    if found["is_late"]:
        sys.exit(1)


@main.command()
@click.pass_context
def doctor(ctx: click.Context) -> None:
    """Say what is wrong with this workspace and what to do; ends with 1 when something is."""
    from pipelines.inquiries import examined

    problems = 0
    for finding in examined(workspaces.find(ctx.obj)):
        problems += finding.is_problem
        click.echo(f"{'!' if finding.is_problem else ' '} {finding.topic:<14} {finding.sentence}")
    click.echo(f"{problems} problems found." if problems else "Nothing is wrong.")
    if problems:
        sys.exit(1)


@main.command()
@click.argument("order")
@click.option("--json", "is_json", is_flag=True, help="Print it as JSON.")
@click.pass_context
def track(ctx: click.Context, order: str, is_json: bool) -> None:
    """Say where an order is."""
    from pipelines.inquiries import tracked
    from pipelines.warehouse.read import as_json

    found = tracked(_workspace(ctx), order)
    click.echo(as_json(found) if is_json else found["text"])


@main.command()
@click.argument("report", type=click.Choice(REPORTS))
@click.option("--format", "form", type=click.Choice(FORMATS), help="The kind of file; default: by --out, else csv.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="The file, or the folder for it; default: the exports of the workspace.",
)
@click.option("--json", "is_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def export(ctx: click.Context, report: str, form: str | None, out: Path | None, is_json: bool) -> None:
    """Write a report of what is published as a file for a spreadsheet or another program."""
    ending = out.suffix[1:].lower() if out is not None and not out.is_dir() else ""
    if ending and ending not in FORMATS:
        raise click.BadParameter(f"{out} ends in none of {', '.join(FORMATS)}.", param_hint="--out")
    if form and ending and ending != form:
        raise click.BadParameter(f"{out} does not end in .{form}, the format asked for.", param_hint="--out")
    from pipelines.documents.reports import exported
    from pipelines.warehouse.read import as_json

    found = exported(_workspace(ctx), report, form or ending or "csv", out)
    if is_json:
        click.echo(as_json(asdict(found)))
        return
    click.echo(f"{report} as of {found.as_of}: {found.rows:,} row{'s' * (found.rows != 1)} in {found.file}")


@main.group()
def documents() -> None:
    """Make the files for suppliers, customers and carriers from what is published; again gives the same files."""


@documents.command("purchase-orders")
@click.option("--night", type=DAY, help="The day they were sent; default: the newest published night.")
@click.option("--order", help="Only this purchase order.")
@click.option("--json", "is_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def documents_purchase_orders(ctx: click.Context, night: date | None, order: str | None, is_json: bool) -> None:
    """Write each purchase order of a night as PDF, XLSX and CSV, with an index of them."""
    from pipelines.documents.purchase_orders import written
    from pipelines.warehouse.read import as_json

    found = written(_workspace(ctx), night, order)
    for made in found.made:
        if made.unshown:
            click.echo(
                f"{made.purchase_order_id}: no font has {' '.join(made.unshown)}, so boxes stand for them; put a font "
                "that has them into the folder fonts of the workspace.",
                err=True,
            )
    if is_json:
        click.echo(as_json(asdict(found)))
    elif found.made:
        count = len(found.made)
        click.echo(f"{count:,} purchase order{'s' * (count != 1)} of {found.day} in {found.folder}")
    else:
        before = f"; the last before were on {found.last_day}: name them with --night" if found.last_day else ""
        click.echo(f"No purchase order was sent on {found.day}{before}.")


@main.group()
def verify() -> None:
    """Check again what was issued, from a published file alone; ends with 1 when something is wrong."""


@verify.command("invoices")
@click.option(
    "--file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A published file; default: the newest one of the workspace.",
)
@click.option("--json", "is_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def verify_invoices(ctx: click.Context, file: Path | None, is_json: bool) -> None:
    """Check numbers, content, chain, totals, tax, coverage and the end of all invoices and credit notes."""
    from pipelines import verify as verification
    from pipelines.warehouse.read import as_json

    found = verification.invoices(_workspace(ctx), file, lambda line: click.echo(line, err=True))
    if is_json:
        click.echo(as_json(asdict(found) | {"holds": found.holds}))
    else:
        for line in found.lines():
            click.echo(line)
    if not found.holds:
        sys.exit(1)


@main.command("dry-run")
@click.option("--as-of", type=DAY, help="The business date; default: yesterday in the business time zone.")
@click.option("--json", "is_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def dry_run(ctx: click.Context, as_of: date | None, is_json: bool) -> None:
    """Say what a night would bill and what it would leave out; nothing is numbered, stored or sent."""
    from pipelines.dry_run import dry_run as run_dry
    from pipelines.warehouse.read import as_json

    found = run_dry(_workspace(ctx), as_of, lambda line: click.echo(line, err=True))
    if is_json:
        click.echo(as_json(asdict(found)))
    else:
        for line in found.lines():
            click.echo(line)


@documents.command("invoices")
@click.option("--night", type=DAY, help="The night that issued them; default: the newest published night.")
@click.option("--invoice", "number", help="Only this invoice or credit note.")
@click.option("--json", "is_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def documents_invoices(ctx: click.Context, night: date | None, number: str | None, is_json: bool) -> None:
    """Write each invoice and credit note of a night as PDF and e-invoice (Factur-X, UBL, CII), with an index of them."""
    from pipelines.documents.invoices import written
    from pipelines.warehouse.read import as_json

    found = written(_workspace(ctx), night, number, lambda line: click.echo(line, err=True))
    for made in found.made:
        if made.unshown:
            click.echo(
                f"{made.invoice_number}: no font has {' '.join(made.unshown)}, so boxes stand for them; put a font "
                "that has them into the folder fonts of the workspace.",
                err=True,
            )
    without = [made for made in found.made if not made.has_einvoice]
    for made in without[:5]:
        click.echo(made.note, err=True)
    if len(without) > 5:
        click.echo(f"{len(without) - 5:,} more have no e-invoice; the column note of the index says why.", err=True)
    if is_json:
        click.echo(as_json(asdict(found)))
    elif number is not None and found.made:
        click.echo(f"{number} is {found.made[0].pdf}")
    elif found.made:
        count = len(found.made)
        click.echo(f"{count:,} document{'s' * (count != 1)} of {found.day} in {found.folder}")
    else:
        before = f"; the last before were of {found.last_day}: name them with --night" if found.last_day else ""
        click.echo(f"No invoice was issued on {found.day}{before}.")


@main.command()
@click.argument("sku")
@click.option("--location", help="Only this location.")
@click.option("--json", "is_json", is_flag=True, help="Print it as JSON.")
@click.pass_context
def explain(ctx: click.Context, sku: str, location: str | None, is_json: bool) -> None:
    """Say how the purchase proposal of a SKU comes about, figure by figure, and what the days ahead bring."""
    from pipelines.explain import explained
    from pipelines.warehouse.read import as_json

    found = explained(_workspace(ctx), sku, location)
    click.echo(as_json(found) if is_json else found["text"])


@main.group()
def reject() -> None:
    """List what was rejected, download it with its reasons, send it again repaired."""


@reject.command("list")
@click.option("--feed", help="Only this feed or source.")
@click.option("--file", "file_id", help="Only this file: the beginning of its id, or its name.")
@click.option("--json", "is_json", is_flag=True, help="Print them as JSON.")
@click.pass_context
def reject_list(ctx: click.Context, feed: str | None, file_id: str | None, is_json: bool) -> None:
    """List rejected records with their reasons."""
    from pipelines.rejects import listed
    from pipelines.warehouse.read import as_json

    rows = listed(_workspace(ctx), feed, file_id)
    if is_json:
        click.echo(as_json(rows))
        return
    for row in rows:
        click.echo(f"{row['feed']}/{row['name']} record {row['record_number']}: {'; '.join(row['reasons'])}")
    click.echo(f"{len(rows)} rejected records.")


@reject.command("download")
@click.option("--feed", required=True, help="The feed or source.")
@click.option("--file", "file_id", help="Only this file: the beginning of its id, or its name.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The CSV file to write.")
@click.pass_context
def reject_download(ctx: click.Context, feed: str, file_id: str | None, out: Path) -> None:
    """Write rejected records as a CSV in the feed's own shape, with the reasons beside."""
    from pipelines.rejects import downloaded

    count = downloaded(_workspace(ctx), feed, file_id, out)
    click.echo(
        f"{count} rejected records of {feed} are in {out}; repair them there and send them with `reject resubmit`."
    )


@reject.command("resubmit")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--feed", required=True, help="The feed or source.")
@click.option("--by", help="Who decided; default: the user of this machine.")
@click.pass_context
def reject_resubmit(ctx: click.Context, file: Path, feed: str, by: str | None) -> None:
    """Send repaired records again: a file of the feed and a decision on each record land for the next night."""
    from pipelines.rejects import resubmitted

    landed = resubmitted(_workspace(ctx), feed, file, by)
    click.echo(f"{landed.rows} repaired records landed as {landed.file}; the next night takes them in.")


@main.command()
@click.argument("feed", required=False)
@click.option("--template", is_flag=True, help="Print the header line of a CSV to fill in.")
def feeds(feed: str | None, template: bool) -> None:
    """Print the contract of the feeds, or of one."""
    from models.tables import FEEDS
    from pipelines import feeds as reading

    if feed is not None and feed not in FEEDS:
        raise OrderhouseError(f"There is no feed {feed}; the feeds are {', '.join(FEEDS)}.")
    for name in [feed] if feed else FEEDS:
        if template:
            click.echo(reading.template(FEEDS[name]))
            continue
        click.echo(f"{name}: {' '.join((FEEDS[name].__doc__ or '').split())}")
        for column, kind, mark, told in reading.contract(FEEDS[name]):
            click.echo(f"  {column + mark:<22} {kind:<28} {told}")


@main.command()
@click.option("--port", default=8501, show_default=True, type=click.IntRange(1, 65535))
@click.pass_context
def dashboard(ctx: click.Context, port: int) -> None:
    """Open the dashboards on this machine."""
    from pipelines.servers import dashboard as serve

    serve(_workspace(ctx), port)


@main.command()
@click.option("--port", default=3000, show_default=True, type=click.IntRange(1, 65535))
@click.pass_context
def dagster(ctx: click.Context, port: int) -> None:
    """Open the orchestrator: the process as a graph, its schedule and its history."""
    from pipelines.servers import dagster as serve

    serve(_workspace(ctx), port)


if __name__ == "__main__":
    main()
