"""The days of the sample: which are worked, how busy they are, and what local time is in UTC."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from pipelines.sample.values import EPOCH, Ints

TIME_ZONE = ZoneInfo("Europe/Berlin")
DAY = 86_400
MONTHS = (0.92, 0.88, 0.94, 0.97, 0.97, 0.92, 0.87, 0.89, 0.96, 1.03, 1.22, 1.43)


def is_holiday(day: date) -> bool:
    """Days on which nobody works anywhere in the sample."""
    return (day.month, day.day) in {(1, 1), (5, 1), (12, 25), (12, 26)}


class Calendar:
    """The business days and clock of a stretch of days, counted from its first one."""

    def __init__(self, first: date, days: int) -> None:
        """Look at `days` days from `first` on."""
        self.first = first
        dates = [first + timedelta(days=offset) for offset in range(days)]
        clock = [datetime(day.year, day.month, day.day, tzinfo=TIME_ZONE) for day in dates]
        offsets = [(moment.utcoffset(), moment.replace(hour=12).utcoffset()) for moment in clock]
        self.offset_night = np.array(
            [night.total_seconds() for night, _ in offsets if night is not None], dtype=np.int64
        )
        self.offset_day = np.array([noon.total_seconds() for _, noon in offsets if noon is not None], dtype=np.int64)
        works = [day.weekday() < 5 and not is_holiday(day) for day in dates]
        drives = [day.weekday() < 6 and not is_holiday(day) for day in dates]
        self.next_working = self._following(works)
        self.next_carrier = self._following(drives)
        self.works = np.array(works)

    @staticmethod
    def _following(open_days: list[bool]) -> Ints:
        following, found = np.empty(len(open_days), dtype=np.int64), len(open_days) - 1
        for place in range(len(open_days) - 1, -1, -1):
            found = place if open_days[place] else found
            following[place] = found
        return following

    def local(self, seconds: Ints) -> Ints:
        """The same local time, an hour later where clocks skip it; seconds count from the first midnight."""
        place, time = seconds // DAY, seconds % DAY
        skipped = (self.offset_night[place] < self.offset_day[place]) & (time >= 7200) & (time < 10_800)
        return seconds + 3600 * skipped

    def utc(self, seconds: Ints) -> Ints:
        """Seconds since 1970 of local times counted from the first day's midnight."""
        place, time = seconds // DAY, seconds % DAY
        offset = np.where(time < 10_800, self.offset_night[place], self.offset_day[place])
        return seconds + (self.first.toordinal() - EPOCH) * DAY - offset


def busy(day: date) -> float:
    """How busy the shop is on a day against an average one, apart from the weekday: season, Christmas, slow growth."""
    middle = day.month - 1 + (day.day - 15) / 30
    season = float(np.interp(middle, range(-1, 13), (MONTHS[-1], *MONTHS, MONTHS[0])))
    if day.month == 12 and day.day >= 23:
        season *= 0.55
    black_friday = date(day.year, 11, 1) + timedelta(days=(3 - date(day.year, 11, 1).weekday()) % 7 + 22)
    season *= {0: 1.9, 1: 1.3, 2: 1.25, 3: 1.6}.get((day - black_friday).days, 1.0)
    return season * float(1 + 0.15 * np.tanh((day.toordinal() - date(2026, 5, 1).toordinal()) / 730))
