"""Files taken back: which of the delivered files people's decisions mean."""

from typing import Any, NamedTuple

import polars as pl


class Retracted(NamedTuple):
    """Files that do not count, and the decisions that say too little."""

    files: pl.DataFrame
    unclear: pl.DataFrame


def retracted(decisions: pl.DataFrame, files: pl.DataFrame) -> Retracted:
    """Say which files people took back.

    A decision names a file by its id or by its name. A name means, in each feed, the one file that was there when it was
    decided: taken in under that name by a night before the day of the decision, and not taken back already. Where none
    had been taken in by then, it means the first that comes. So a corrected file of the same name counts, whether it comes
    before, together with or after the decision. Where several stand it means none of them, and is unclear.

    A decision that came in a file which a later one takes back has no effect: so a retraction is undone.

    Args:
        decisions: decision_id, file_id (of the file that the decision came in), subject_id, decided_at, decided_on of the
            decisions to retract a file.
        files: file_id, feed, name, as_of, file_sequence of the files taken in.

    Returns:
        Files: file_id, ordered. Unclear: decision_id, subject_id, decided_on, files (how many it may mean, 0 where there
        is none), ordered by decision_id.
    """
    delivered = files.sort("file_sequence").to_dicts()
    in_order = decisions.sort("decided_at", "decision_id").to_dicts()
    standing: list[dict[str, Any]] = []
    undone: set[str] = set()
    for decision in reversed(in_order):
        if decision["file_id"] not in undone:
            standing.insert(0, decision)
            undone |= _meant(decision, delivered, set()).one - {decision["file_id"]}
    taken: set[str] = set()
    several: list[tuple[dict[str, Any], set[str]]] = []
    for decision in standing:
        meant = _meant(decision, delivered, taken)
        taken |= meant.one
        if meant.several or not (meant.one or meant.is_known):
            several.append((decision, meant.several))
    unclear = [
        (decision["decision_id"], decision["subject_id"], decision["decided_on"], len(among))
        for decision, among in several
        if not among & taken
    ]
    return Retracted(
        pl.DataFrame({"file_id": sorted(taken)}, schema={"file_id": pl.String}),
        pl.DataFrame(
            unclear,
            schema={"decision_id": pl.String, "subject_id": pl.String, "decided_on": pl.Date, "files": pl.Int64},
            orient="row",
        ).sort("decision_id"),
    )


class _Meant(NamedTuple):
    """The files that a decision means, those among which it does not tell, and whether it names any at all."""

    one: set[str]
    several: set[str]
    is_known: bool


def _meant(decision: dict[str, Any], delivered: list[dict[str, Any]], taken: set[str]) -> _Meant:
    subject = decision["subject_id"]
    if any(file["file_id"] == subject for file in delivered):
        return _Meant({subject}, set(), is_known=True)
    named = [file for file in delivered if file["name"] == subject]
    one, several = set[str](), set[str]()
    for feed in {file["feed"] for file in named}:
        theirs = [file for file in named if file["feed"] == feed]
        then = {file["file_id"] for file in theirs if file["as_of"] < decision["decided_on"]}
        found = then - taken if then else {theirs[0]["file_id"]}
        if len(found) == 1:
            one |= found
        else:
            several |= found
    return _Meant(one, several, is_known=bool(named))
