"""Entry: the gates."""

from models.rules import entry
from models.rules.calendar import end_of_day
from models.tables.entry import NightEvent, OrderFinding
from pipelines.stages.night import Night
from pipelines.warehouse import nights


def entered(night: Night) -> int:
    """Pass every order that is not confirmed yet through the gates."""
    skus = night.rows("products", "sku")
    customers = night.rows("customers", "customer_id")
    written = 0
    for bucket in night.buckets:
        within = nights.bucket_within(bucket)
        judged = nights.judged(night.warehouse, night.as_of, bucket, night.handed_over)
        lines = night.rows("order_lines", "order_id", "line_no", "sku", within=within)
        lines = lines.join(judged.select("order_id"), on="order_id", how="semi")
        found = entry.findings(
            judged, lines, skus, customers, night.rules["gates"], night.rules["channels"], night.as_of
        )
        decided = entry.entered(
            judged,
            found,
            nights.known_findings(night.warehouse, night.as_of, bucket).join(judged, on="order_id", how="semi"),
            night.as_of,
            end_of_day(night.as_of, night.time_zone),
            auto_confirm=night.settings.orders.auto_confirm,
        )
        with night.warehouse.given(judged=judged.select("order_id")):
            theirs = "order_id IN (FROM judged UNION FROM gone)"
            written += night.put(OrderFinding, decided.findings, theirs)
            events = decided.events
            if night.issued is not None:
                events = night.issued[NightEvent].join(judged, on="order_id", how="semi")
            written += night.put(NightEvent, events, theirs)
    return written
