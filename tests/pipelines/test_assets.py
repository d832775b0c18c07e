"""The graph that Dagster shows reads like the process."""

from pathlib import Path

import dagster as dg
import pytest

from models.tables import CATALOG
from models.tables.base import columns
from models.tables.lifecycle import Order
from pipelines.assets import STEPS, key
from pipelines.definitions import definitions
from pipelines.stages import STAGES
from pipelines.workspace import Workspace


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    """The definitions of an empty workspace."""
    return definitions(Workspace(tmp_path_factory.mktemp("shop")))


def test_the_definitions_load(loaded: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(loaded)
    assert loaded.resolve_job_def("nightly").executor_def is dg.in_process_executor


def test_the_groups_are_the_stages_and_each_reads_only_of_earlier_ones(loaded: dg.Definitions) -> None:
    graph = loaded.resolve_asset_graph()
    order = ["intake", *STAGES, "publication"]
    groups = {asset: str(graph.get(asset).group_name) for asset in graph.get_all_asset_keys()}
    assert set(groups.values()) == set(order)
    for asset, group in groups.items():
        earlier = order[: order.index(group)]
        assert {groups[parent] for parent in graph.get(asset).parent_keys} <= {*earlier}, asset


def test_the_steps_are_the_stages_of_the_night() -> None:
    assert [step.name for step in STEPS] == ["intake", *STAGES]


def test_every_table_is_an_asset_of_one_step(loaded: dg.Definitions) -> None:
    written = [key(table) for step in STEPS for table in step.writes]
    assert sorted(written) == sorted(key(table) for table in CATALOG)
    assert {*written, dg.AssetKey("publication")} == set(loaded.resolve_asset_graph().get_all_asset_keys())


def test_an_asset_says_what_its_table_is_and_holds(loaded: dg.Definitions) -> None:
    orders = loaded.resolve_asset_graph().get(key(Order))
    shown = orders.metadata["dagster/column_schema"]
    assert orders.description == Order.__doc__
    assert [column.name for column in shown.columns] == [column.name for column in columns(Order)]


def test_a_folder_without_settings_loads_too(tmp_path: Path) -> None:
    dg.Definitions.validate_loadable(definitions(Workspace(tmp_path)))
