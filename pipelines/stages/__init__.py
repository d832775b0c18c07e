"""What a night does, stage by stage: read tables, call their rules, hand the frames to the warehouse.

Each stage is committed with its marker, and does the same whenever it runs again.
"""

from collections.abc import Callable

from pipelines.stages.certificate import proven
from pipelines.stages.entry import entered
from pipelines.stages.lifecycle import advanced
from pipelines.stages.night import BUCKET, Night, rule_table
from pipelines.stages.trends import booked

__all__ = ["BUCKET", "STAGES", "Night", "rule_table"]

STAGES: dict[str, Callable[[Night], int]] = {
    "entry": entered,
    "lifecycle": advanced,
    "trends": booked,
    "certificate": proven,
}
"""The stages of a night after intake, in order; each returns how many rows it wrote."""
