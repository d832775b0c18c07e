"""The pieces every page is made of: figures, charts in their frame, tables with their downloads, lists, and empty states."""

import io
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import plotly.graph_objects as go
import polars as pl
import streamlit as st

from dashboards import wording
from dashboards.queries import Scope
from dashboards.wording import plain
from models.tables import CATALOG
from models.tables.base import PROVENANCE, Column, TableClass, columns, declaration
from pipelines.workspace import FORMULA

STYLE = Path(__file__).parent / "style.css"
SCOPE = "scope"
WIDTHS: dict[str, Any] = dict.fromkeys(("facts", "raw", "reasons", "reason", "details", "what"), "large")
"""How wide the columns of longer texts are; the others are as wide as what they hold."""
WIDTHS |= {"sentence": 620, "name": 260, "supplier_name": 180, "status": 170}


@dataclass(frozen=True)
class Opened:
    """What a page is given: the scope, the currency of reports, period and filters in words, and the filters alone."""

    scope: Scope
    currency: str
    said: str
    narrowed: tuple[str, ...] = ()


def opened() -> Opened:
    """The scope that app.py has set up for this run."""
    found: Opened = st.session_state[SCOPE]
    return found


def declared(table: str) -> dict[str, Column]:
    """The columns of a published table by name, the way it is declared."""
    classes: list[TableClass] = [cls for cls in CATALOG if declaration(cls).name == table]
    return {column.name: column for column in columns(classes[-1])}


# Figures


def figure(
    label: str,
    value: str,
    *,
    change: float | None = None,
    against: str = "",
    more_is_good: bool | None = True,
    note: str = "",
    help: str | None = None,
    below: str = "",
    trend: Sequence[float] | None = None,
) -> None:
    """One number in its frame, with its change and what it is compared with; `below` is a second comparison."""
    colour = (
        "off"
        if more_is_good is None or (change is not None and abs(change) < 0.0005)
        else "normal"
        if more_is_good
        else "inverse"
    )
    with st.container(border=True, height="stretch", gap="xsmall"):
        st.metric(
            label,
            value,
            delta=wording.percent(change).replace("−", "-") if change is not None else None,
            delta_color=colour,  # type: ignore[arg-type]
            delta_arrow="off" if change is None or abs(change) < 0.0005 else "up" if change > 0 else "down",
            delta_description=(against if change is not None else note) or None,
            help=help,
            chart_data=trend,
            chart_type="area",
        )
        if below:
            st.html(f'<p class="oh-note">{plain(below)}</p>')


def figures(count: int) -> Any:
    """A row of so many figures; where it is narrow they stand in several."""
    return st.grid(count, min_column_width=min(180, 900 // count))


def heading(text: str, note: str = "") -> None:
    """A section of the page."""
    st.html(f'<div class="oh-heading"><h2>{plain(text)}</h2>{f"<p>{plain(note)}</p>" if note else ""}</div>')


def note(text: str) -> None:
    """A quiet line."""
    st.html(f'<p class="oh-note">{plain(text)}</p>')


def sentences(items: Sequence[str]) -> None:
    """A short list of sentences."""
    st.html(f'<ul class="oh-sentences">{"".join(f"<li>{plain(item)}</li>" for item in items)}</ul>')


def definitions(pairs: Mapping[str, str]) -> None:
    """Words and what they mean, one under the other."""
    cells = "".join(f"<dt>{plain(word)}</dt><dd>{plain(meaning)}</dd>" for word, meaning in pairs.items())
    st.html(f'<dl class="oh-definitions">{cells}</dl>')


def nothing(sentence: str, what_to_do: str = "") -> None:
    """Say that there is nothing, and why."""
    st.html(
        f'<div class="oh-nothing"><p>{plain(sentence)}</p>{f"<p>{plain(what_to_do)}</p>" if what_to_do else ""}</div>'
    )


def nothing_here(sentence: str) -> None:
    """Say that there is nothing; where filters are on, that only theirs was looked for."""
    narrowed = [told for told in opened().narrowed if told not in sentence]
    only = f"Looked for {', '.join(narrowed)} only; take a filter off to see more." if narrowed else ""
    nothing(sentence, only)


def facts(pairs: Mapping[str, str]) -> None:
    """Names and values side by side."""
    cells = "".join(
        f'<div><dt>{plain(name)}</dt><dd title="{plain(value)}">{plain(value)}</dd></div>'
        for name, value in pairs.items()
    )
    st.html(f'<dl class="oh-facts">{cells}</dl>')


@dataclass(frozen=True)
class Todo:
    """One line of a list of things to do."""

    sentence: str
    amount: str
    note: str
    href: str


def todo(role: str, summary: str, items: Sequence[Todo]) -> None:
    """The first things a role has to do, each a link."""
    rows = "".join(
        f'<a class="oh-todo" href="{plain(item.href)}" title="{plain(item.sentence)}">'
        f'<span class="oh-sentence">{plain(item.sentence)}</span>'
        f'<span class="oh-amount">{plain(item.amount)}</span><span class="oh-quiet">{plain(item.note)}</span></a>'
        for item in items
    )
    st.html(f'<div class="oh-role"><h3>{plain(role)}</h3><span>{plain(summary)}</span></div>{rows}')


# Charts


def chart(
    made: go.Figure | None, title: str, *, key: str, note: str = "", empty: str = "Nothing to show for these filters."
) -> None:
    """A chart in its frame, under a title that says what it shows."""
    with st.container(border=True, key=f"card_{key}", height="stretch"):
        st.html(f'<div class="oh-title"><h3>{plain(title)}</h3>{f"<p>{plain(note)}</p>" if note else ""}</div>')
        if made is None:
            nothing_here(empty)
        else:
            st.plotly_chart(
                made,
                theme=None,
                key=key,
                alt=title,
                config={"displayModeBar": False, "scrollZoom": False, "responsive": True},
            )


# Tables


def neutralised(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame as a spreadsheet may read it: no text starts a formula, lists are texts."""
    lists = [
        pl.col(name).list.join("; ").alias(name) for name, kind in frame.schema.items() if isinstance(kind, pl.List)
    ]
    flat = frame.with_columns(lists)
    texts = [name for name, kind in flat.schema.items() if kind == pl.String]
    dangerous = [pl.any_horizontal(pl.col(name).str.starts_with(sign) for sign in FORMULA) for name in texts]
    return flat.with_columns(
        pl.when(is_formula).then(pl.concat_str(pl.lit("'"), name)).otherwise(pl.col(name)).alias(name)
        for name, is_formula in zip(texts, dangerous, strict=True)
    )


def as_csv(frame: pl.DataFrame) -> bytes:
    """CSV that is safe to open in a spreadsheet; with a byte order mark, so that it reads it as UTF-8."""
    return b"\xef\xbb\xbf" + neutralised(frame).write_csv(datetime_format="%Y-%m-%dT%H:%M:%S%:z").encode()


def as_parquet(frame: pl.DataFrame) -> bytes:
    """Parquet, with the values as they are."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


def as_xlsx(frame: pl.DataFrame, sheet: str, titles: Mapping[str, str]) -> bytes:
    """A sheet for a spreadsheet: widths that fit, a header that stays, numbers as numbers, texts as texts."""
    buffer = io.BytesIO()
    frame.select(pl.col(name).alias(title) for name, title in titles.items()).write_excel(
        buffer,
        worksheet=sheet,
        autofit=True,
        freeze_panes=(1, 0),
        table_style="Table Style Light 1",
        dtype_formats={pl.Date: "yyyy-mm-dd", pl.Int64: "#,##0"},
        column_formats={titles[name]: "#,##0.00##" for name in titles if frame.schema[name].is_decimal()},
    )
    return buffer.getvalue()


def _label(name: str, column: Column | None, currency: str) -> str:
    stem = name
    for ending in ("_id", "_at", "_on", "_amount"):
        stem = stem.removesuffix(ending)
    label = {"as_of": "Night", "sku": "SKU", "no": "No."}.get(stem, wording.words(stem).replace(" no", " no."))
    unit = column.unit if column else None
    return (
        f"{label} ({currency})"
        if unit == "reporting currency"
        else f"{label} ({unit})"
        if unit in ("days", "kg")
        else label
    )


def finer(frame: pl.DataFrame) -> set[str]:
    """The columns of exact decimals that two places do not show, such as amounts in dinars."""
    exact = [name for name, kind in frame.schema.items() if kind.is_decimal()]
    found = frame.select((pl.col(name) != pl.col(name).round(2)).any() for name in exact)
    return {name for name in exact if found[name].item()} if frame.height else set()


def column_config(
    names: Mapping[str, pl.DataType],
    tables: Sequence[str],
    currency: str,
    titles: Mapping[str, tuple[str, str]],
    fine: Collection[str] = (),
) -> dict[str, Any]:
    """How each column is shown: its label, its description as help, its number format, from the tables' declarations.

    Args:
        titles: label and help of columns that no table declares, or that mean something else here.
        fine: columns of decimals that need three places.
    """
    known: dict[str, Column] = {}
    for table in reversed(tables):
        known |= declared(table)
    made: dict[str, Any] = {}
    for name, kind in names.items():
        column = None if name in titles else known.get(name)
        label, help_text = titles.get(name) or (_label(name, column, currency), column.description if column else None)
        if kind.is_decimal() or kind.is_float():
            decimals = 1 if kind.is_float() else 3 if name in fine else 2
            made[name] = st.column_config.NumberColumn(label, help=help_text, format=f"%,.{decimals}f")
        elif kind.is_integer():
            made[name] = st.column_config.NumberColumn(label, help=help_text, format="%,d")
        elif isinstance(kind, pl.Datetime):
            made[name] = st.column_config.DatetimeColumn(label, help=help_text, format="D MMM YYYY, HH:mm")
        elif kind == pl.Date:
            made[name] = st.column_config.DateColumn(label, help=help_text, format="ddd D MMM YYYY")
        elif kind == pl.Boolean:
            made[name] = st.column_config.CheckboxColumn(label, help=help_text)
        elif isinstance(kind, pl.List):
            made[name] = st.column_config.ListColumn(label, help=help_text)
        else:
            made[name] = st.column_config.TextColumn(label, help=help_text, width=WIDTHS.get(name))
    return made


def table(frame: pl.DataFrame, *, key: str, choose: bool = False, **how: Any) -> int | None:
    """A table with its downloads as CSV and Parquet; says the row that was chosen, if any. See `chosen_rows`."""
    chosen = chosen_rows(frame, key=key, mode="single-row" if choose else None, **how)
    return chosen[0] if chosen else None


def chosen_rows(
    frame: pl.DataFrame,
    *,
    key: str,
    mode: Literal["single-row", "multi-row"] | None = None,
    tables: Sequence[str] = (),
    titles: Mapping[str, tuple[str, str]] | None = None,
    whole: Callable[[], pl.DataFrame] | None = None,
    total: int | None = None,
    empty: str = "Nothing to show for these filters.",
    height: int | None = None,
    hide: Sequence[str] = (),
    file: str | None = None,
    of: str = "",
    first: Sequence[int] = (),
) -> list[int]:
    """A table with its downloads as CSV and Parquet; says the rows that were chosen.

    Args:
        tables: the declared tables its columns are taken from, the first one first.
        whole: a function that gives all rows for the download, where the frame is only the first of them.
        total: how many rows there are in all.
        of: what rows these are; where it changes, nothing is chosen any more.
        first: rows chosen before anybody chooses.
    """
    if frame.is_empty():
        nothing_here(empty)
        return []
    at = opened()
    config = column_config(frame.schema, tables, at.currency, titles or {}, finer(frame))
    floats = [pl.col(name).cast(pl.Float64) for name, kind in frame.schema.items() if kind.is_decimal()]
    # as Arrow, since its text stays text; fewer rows than the frame holds make a lower table
    shown = frame.drop(hide, strict=False).with_columns(c for c in floats if c.meta.output_name() not in hide)
    preset: Any = {"selection": {"rows": list(first)}} if mode and first else None
    selected: Any = st.dataframe(
        shown,
        key=f"table_{key}{of and f'_{of}'}",
        column_config={name: made for name, made in config.items() if name in shown.columns},
        hide_index=True,
        height=height or "auto",
        row_height=36,
        placeholder="–",
        on_select="rerun" if mode else "ignore",
        selection_mode=mode or "multi-row",
        selection_default=preset,
    )
    rows = total if total is not None else frame.height
    stem = f"{file or key}_{at.scope.as_of}"
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"downloads_{key}"):
        said = (
            wording.count(rows, "row")
            if rows <= frame.height
            else f"the first {wording.whole(frame.height)} of {wording.whole(rows)} rows"
        )
        st.html(f'<span class="oh-quiet">{plain(said)}, as of {plain(wording.day(at.scope.as_of))}</span>')
        source = whole or (lambda: frame)
        download("CSV", lambda: as_csv(source()), f"{stem}.csv", "text/csv", f"csv_{key}")
        parquet = "application/vnd.apache.parquet"
        download("Parquet", lambda: as_parquet(source()), f"{stem}.parquet", parquet, f"parquet_{key}")
    if not mode:
        return []
    return [int(row) for row in selected["selection"]["rows"] if row < frame.height]


def download(label: str, make: Callable[[], bytes], file: str, kind: str, key: str) -> None:
    """A file that is made when somebody wants it."""
    st.download_button(label, make, file, kind, key=key, on_click="ignore", type="tertiary", icon=":material/download:")


def in_feed_shape(frame: pl.DataFrame, feed: str) -> pl.DataFrame:
    """Rejected records in their feed's own columns, to be repaired and handed to `orderhouse reject resubmit`.

    Args:
        frame: rejected rows with file_id, record_number, values (JSON by column), raw and reasons.

    Returns:
        The columns of the feed, then reject_id, reject_reasons, and reject_raw where the record itself is broken.
    """
    read = [json.loads(text) if text else {} for text in frame["values"].to_list()]
    own = [name for name in declared_feed(feed) if name not in PROVENANCE]
    names = list(dict.fromkeys([*own, *(name for values in read for name in values)]))
    records = {name: [_text(values.get(name)) for values in read] for name in names}
    return pl.DataFrame(records, schema=dict.fromkeys(names, pl.String)).hstack(
        frame.select(
            pl.format("{}:{}", "file_id", "record_number").alias("reject_id"),
            pl.col("reasons").list.join("; ").alias("reject_reasons"),
            pl.when(pl.col("values").is_null()).then("raw").alias("reject_raw"),
        )
    )


def declared_feed(feed: str) -> dict[str, Column]:
    """The columns of a feed; none for the name of a source."""
    classes = [cls for cls in CATALOG if declaration(cls).name == feed and declaration(cls).kind == "feed"]
    return {column.name: column for column in columns(classes[0])} if classes else {}


def _text(value: Any) -> str | None:
    return None if value is None else value if isinstance(value, str) else json.dumps(value)
