"""What a night does, stage by stage: read tables, call their rules, hand the frames to the warehouse.

Each stage is committed with its marker, and does the same whenever it runs again.
"""

from collections.abc import Callable

from pipelines.stages.billing import billed
from pipelines.stages.certificate import proven
from pipelines.stages.demand import expected
from pipelines.stages.entry import entered
from pipelines.stages.lifecycle import advanced
from pipelines.stages.night import BUCKET, Night, rule_table
from pipelines.stages.reorder import proposed
from pipelines.stages.stock import stocked
from pipelines.stages.trends import booked
from pipelines.stages.turnover import turned

__all__ = ["BUCKET", "STAGES", "Night", "rule_table"]

STAGES: dict[str, Callable[[Night], int]] = {
    "entry": entered,
    "lifecycle": advanced,
    "stock": stocked,
    "billing": billed,
    "trends": booked,
    "demand": expected,
    "reorder": proposed,
    "turnover": turned,
    "certificate": proven,
}
"""The stages of a night after intake, in order; each returns how many rows it wrote."""
