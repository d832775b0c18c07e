"""The dashboards: `ORDERHOUSE_WORKSPACE=DIR streamlit run dashboards/app.py`. They read publications and write nothing."""

import ast
from dataclasses import dataclass
from pathlib import Path

import duckdb
import streamlit as st

from dashboards import filters, layout, wording
from dashboards.wording import plain
from pipelines.workspace import OrderhouseError, Publication, Workspace, find

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Look:
    """A page: its title, its picture, and the filters it uses."""

    title: str
    icon: str
    filters: tuple[str, ...]


PAGES = {
    "overview": Look("Overview", ":material/wb_twilight:", ("channel", "country")),
    "trends": Look("Trends", ":material/monitoring:", ("period", "channel", "category", "country")),
    "lifecycle": Look("Lifecycle", ":material/conversion_path:", ("period", "channel", "country")),
    "stock": Look("Stock", ":material/inventory_2:", ("category", "location", "abc", "sku")),
    "reorder": Look("Reorder", ":material/shopping_cart:", ("supplier", "location", "abc", "sku", "due")),
    "turnover": Look("Turnover", ":material/autorenew:", ("category", "location", "abc", "sku")),
    "billing": Look("Billing", ":material/receipt_long:", ("period",)),
    "intake": Look("Intake", ":material/inbox:", ("period",)),
}


def question(page: str) -> str:
    """The question a page answers: the docstring of its file."""
    text = ast.get_docstring(ast.parse((HERE / "app_pages" / f"{page}.py").read_text(encoding="utf-8"))) or ""
    return text.splitlines()[0] if text else ""


def head(page: str, publication: Publication | None) -> None:
    """Title and question of the page, and the night it shows."""
    as_of = f'<div class="oh-asof">as of <b>{plain(wording.day(publication.as_of))}</b></div>' if publication else ""
    st.html(
        f'<div class="oh-head"><div><h1>{plain(PAGES[page].title)}</h1><p>{plain(question(page))}</p></div>{as_of}</div>'
    )


def no_publication(workspace: Workspace) -> None:
    """Say which command makes the first publication."""
    layout.nothing(
        "Nothing is published yet in this workspace, so there is nothing to show.",
        "Run one of these, then reload this page:",
    )
    st.code(f"orderhouse demo\norderhouse nightly --workspace {workspace.root}", language=None)


def main() -> None:
    """Open the chosen publication and run the chosen page on it."""
    st.set_page_config(
        page_title="Orderhouse", page_icon=str(HERE / "favicon.png"), layout="wide", initial_sidebar_state="auto"
    )
    st.html(layout.STYLE)
    st.logo(str(HERE / f"logo_{'dark' if st.context.theme.type == 'dark' else 'light'}.svg"), size="large")
    pages = {
        name: st.Page(f"app_pages/{name}.py", title=look.title, icon=look.icon, url_path=name)
        for name, look in PAGES.items()
    }
    home = st.Page(
        lambda: st.switch_page(pages["overview"], query_params=st.query_params.to_dict()),
        title="Home",
        default=True,
        visibility="hidden",
    )
    page = st.navigation([home, *pages.values()])
    name = next((name for name, found in pages.items() if found.url_path == page.url_path), None)
    if name is None:
        page.run()
        return
    try:
        workspace = find()
        settings = workspace.settings
        with st.sidebar:
            publication = filters.publication(workspace)
            if publication is not None:
                _beside(workspace, publication)
        head(name, publication)
        if publication is None:
            no_publication(workspace)
            st.stop()
        used = PAGES[name].filters
        scope = filters.offered(str(publication.file), publication.as_of, settings.business.time_zone, used)
        st.session_state[layout.SCOPE] = layout.Opened(
            scope,
            settings.business.reporting_currency,
            filters.said(scope, used),
            tuple(filters.narrowed(scope, used)),
        )
        page.run()
    except OrderhouseError as error:
        layout.nothing("The workspace cannot be opened.", str(error))
    except FileNotFoundError:
        # retention removed it between two clicks: the pointer knows the newest
        if not st.session_state.pop("asked_again", False):
            st.session_state["asked_again"] = True
            st.rerun()
        layout.nothing(
            "This publication is no longer kept.", "Choose another night on the left, or run orderhouse nightly."
        )
    except (duckdb.CatalogException, duckdb.BinderException, duckdb.IOException):
        layout.nothing(
            "This publication was made by another version of Orderhouse.",
            "Choose a newer night on the left, or run orderhouse nightly.",
        )
    else:
        st.session_state.pop("asked_again", None)


def _beside(workspace: Workspace, publication: Publication) -> None:
    company = workspace.settings.company.name
    lines = [
        f"Night of {wording.day(publication.as_of)}",
        f"Publication {publication.number}" + (f" of {company}" if company != "Orderhouse" else ""),
        f"Days end in {workspace.settings.business.time_zone}; amounts in {workspace.settings.business.reporting_currency}",
    ]
    st.html("".join(f'<p class="oh-note">{plain(line)}</p>' for line in lines))


main()
