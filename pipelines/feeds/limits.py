"""How much a delivered file may ask for."""

BLOCK = 16 << 20
"""So many bytes of a text file are read at a time."""
ROWS = 100_000
"""So many rows of a Parquet file are read at a time."""
SHEET_ROWS = 25_000
"""So many rows of a workbook are read at a time."""
LONGEST_RECORD = 16 << 20
"""A record with more bytes is broken."""
LONGEST_RAW = 1 << 20
"""So much of a broken or rejected record is kept."""
MOST_COLUMNS = 2_000
"""A file with more columns is held."""
LEAST_BOMB = 64 << 20
"""What unpacks to less is no bomb."""
MOST_UNPACKED = 200
"""What unpacks to more than so many times its size is one."""


def is_bomb(unpacked: int, packed: int) -> bool:
    """True when a file grows so much on unpacking that it must be meant to."""
    return unpacked > LEAST_BOMB and unpacked > MOST_UNPACKED * packed
