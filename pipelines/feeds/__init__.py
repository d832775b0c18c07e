"""All reading of what was delivered: an archived file of any format becomes blocks of text records, then typed rows.

A file is read block by block and never held whole. A record that cannot be read is kept as it was, with the reason; a
file that cannot be read at all is `Held`. The way of a file through the rooms:

    landing     which files are there, and which are complete
    reading     opens a file by its ending, and parses its records for a feed: start here
    records     what every format gives: blocks of text records, the broken ones beside them
    contract    what a feed asks of the columns of a file
    streams     the bytes of a text file, unpacked, block by block
    delimited   CSV; `exact` reads one record by itself, `lines` finds the lines of a block
    ndjson      an object per line
    parquet     columns, whose values `typed` writes as text
    xlsx        the first sheet of a workbook
    limits      how much a file may ask for
"""

from pipelines.feeds.contract import contract, template
from pipelines.feeds.landing import candidates, look
from pipelines.feeds.reading import FORMATS, REJECTED, Taken, fitting, raw, read, records, taken
from pipelines.feeds.records import Held, Records

__all__ = [
    "FORMATS",
    "REJECTED",
    "Held",
    "Records",
    "Taken",
    "candidates",
    "contract",
    "fitting",
    "look",
    "raw",
    "read",
    "records",
    "taken",
    "template",
]
