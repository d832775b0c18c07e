"""What came in: files, rejected records, records that wait."""

from models.tables import column
from models.tables.base import Day, Quantity, Table, Texts, table


@table("feed_files", kind="state", key=("feed", "name", "file_id"), is_kept=True)
class FeedFile(Table):
    """Every file that was delivered, and what became of its records. One row per delivered file."""

    file_id: str = column.identifier("The sha256 of the file's bytes.")
    feed: str = column.identifier("The feed, or the source, it was delivered to.")
    name: str = column.text("Name of the file as it was delivered.")
    status: str = column.choice("What became of it.", ("loaded", "duplicate", "held"))
    reason: str = column.text("Why it is held, or what was noticed.", optional=True)
    rows_in: Quantity = column.quantity("Data records in the file.", unit="records", minimum=0)
    accepted: Quantity = column.quantity("Records accepted.", unit="records", minimum=0)
    rejected: Quantity = column.quantity("Records rejected.", unit="records", minimum=0)
    duplicates: Quantity = column.quantity("Records that said nothing new.", unit="records", minimum=0)
    as_of: Day = column.day("The night that took it in.")
    file_sequence: Quantity = column.quantity("Order in which files were taken in, from 1.", unit="number", minimum=1)


@table("rejected_rows", kind="ledger", key=("file_id", "feed", "record_number"))
class RejectedRow(Table):
    """Records that broke the contract, as they were, with every reason. One row per rejected record."""

    file_id: str = column.identifier("The file it came in.")
    feed: str = column.identifier("The feed it was meant for.")
    record_number: Quantity = column.quantity("The data record in that file, counted from 1.", unit="records")
    raw: str = column.text("The record as it was delivered.")
    reasons: Texts = column.texts("Each `column: code: what was found`.")
    values: str = column.text("Its values by column as JSON; none where the record itself is broken.", optional=True)
    as_of: Day = column.day("The night that took the file in.")


@table("waiting_rows", kind="state", key=("feed", "key"))
class WaitingRow(Table):
    """Accepted records whose order, product or invoice has not arrived. One row per waiting record."""

    feed: str = column.identifier("The feed of the record.")
    key: str = column.text("Its key; parts joined by `/`.")
    waits_for: str = column.text("What it waits for, such as `order 4711`.")
    file_id: str = column.identifier("The file it came in.")
    record_number: Quantity = column.quantity("The data record in that file.", unit="records", minimum=1)
    since: Day = column.day("The night that took it in.")
