"""Buckets: the next one is read while this one is worked on, and what goes wrong is said where the rows are wanted."""

import threading

import pytest

from pipelines.stages.buckets import ahead


def test_the_next_bucket_is_read_while_this_one_is_worked_on_and_no_further_one() -> None:
    begun = [threading.Event() for _ in range(4)]

    def read(bucket: int) -> int:
        begun[bucket].set()
        return bucket * 10

    given = []
    for bucket, rows in ahead(range(4), read):
        assert all(event.wait(5) for event in begun[: bucket + 2])
        assert not any(event.is_set() for event in begun[bucket + 2 :])
        given.append((bucket, rows))
    assert given == [(0, 0), (1, 10), (2, 20), (3, 30)]


def test_no_bucket_is_nothing() -> None:
    assert list(ahead(range(0), str)) == []


def test_what_goes_wrong_in_reading_is_raised_where_the_rows_are_wanted() -> None:
    def read(bucket: int) -> int:
        if bucket == 1:
            raise ValueError("torn")
        return bucket

    given = []
    with pytest.raises(ValueError, match="torn"):
        for bucket, _ in ahead(range(3), read):
            given.append(bucket)
    assert given == [0]
