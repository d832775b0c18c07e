"""Buckets of orders: the memory of a night is bounded by one being worked on and one being read."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Read = TypeVar("Read")


def ahead(buckets: Iterable[int], read: Callable[[int], Read]) -> Iterator[tuple[int, Read]]:
    """Each bucket with what is read for it; the next one is read while this one is worked on.

    Args:
        buckets: the numbers of buckets; what is written for one changes nothing that is read for another.
        read: reads what a bucket needs.
    """
    with ThreadPoolExecutor(1) as worker:
        reading = ((bucket, worker.submit(read, bucket)) for bucket in buckets)
        coming = next(reading, None)
        while coming is not None:
            (bucket, rows), coming = coming, next(reading, None)
            yield bucket, rows.result()
