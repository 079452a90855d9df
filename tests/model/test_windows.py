"""Windows at their edges: midnight, month end, leap day, both changes of the clock, anchors."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.model.strategies import judged
from tests.model.windows import Span, window_at
from tests.model.words import Window

SINCE = datetime(2029, 12, 31, 10, 30, tzinfo=UTC)


def span(window: str, instant: str, zone: str = "UTC", anchor: str | None = None) -> tuple[str, str]:
    """The window's edges, in UTC, to the minute."""
    found = window_at(
        Window(window),
        datetime.fromisoformat(instant + "Z"),
        ZoneInfo(zone),
        datetime.fromisoformat(anchor + "Z") if anchor else None,
        SINCE,
    )
    assert found.start is not None
    assert found.end is not None
    return f"{found.start:%Y-%m-%d %H:%M}", f"{found.end:%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("window", "instant", "start", "end"),
    [
        ("MINUTE", "2030-01-15T12:00:59.999999", "2030-01-15 12:00", "2030-01-15 12:01"),
        ("HOUR", "2030-01-15T12:59:59", "2030-01-15 12:00", "2030-01-15 13:00"),
        ("DAY", "2030-01-15T00:00:00", "2030-01-15 00:00", "2030-01-16 00:00"),
        ("DAY", "2030-01-14T23:59:59.999999", "2030-01-14 00:00", "2030-01-15 00:00"),
        ("WEEK", "2030-01-14T00:00:00", "2030-01-14 00:00", "2030-01-21 00:00"),
        ("WEEK", "2030-01-13T23:59:59", "2030-01-07 00:00", "2030-01-14 00:00"),
        ("MONTH", "2030-12-31T23:59:59", "2030-12-01 00:00", "2031-01-01 00:00"),
        ("MONTH", "2032-02-29T12:00:00", "2032-02-01 00:00", "2032-03-01 00:00"),
        ("YEAR", "2030-12-31T23:59:59", "2030-01-01 00:00", "2031-01-01 00:00"),
        ("BILLING_PERIOD", "2030-02-28T10:29:59", "2030-01-31 10:30", "2030-02-28 10:30"),
        ("BILLING_PERIOD", "2030-02-28T10:30:00", "2030-02-28 10:30", "2030-03-31 10:30"),
    ],
)
def test_by_the_calendar(window: str, instant: str, start: str, end: str) -> None:
    assert span(window, instant) == (start, end)


@pytest.mark.parametrize(
    ("window", "instant", "zone", "start", "end"),
    [
        # Midnight of the zone, not of UTC.
        ("DAY", "2030-01-14T23:30:00", "Europe/Berlin", "2030-01-14 23:00", "2030-01-15 23:00"),
        ("MONTH", "2030-01-31T23:30:00", "Europe/Berlin", "2030-01-31 23:00", "2030-02-28 23:00"),
        ("YEAR", "2030-12-31T23:30:00", "Europe/Berlin", "2030-12-31 23:00", "2031-12-31 23:00"),
        ("HOUR", "2030-01-15T12:29:00", "Asia/Kolkata", "2030-01-15 11:30", "2030-01-15 12:30"),
        # A day of 23 hours, and one of 25.
        ("DAY", "2030-03-31T12:00:00", "Europe/Berlin", "2030-03-30 23:00", "2030-03-31 22:00"),
        ("DAY", "2030-10-27T12:00:00", "Europe/Berlin", "2030-10-26 22:00", "2030-10-27 23:00"),
        ("WEEK", "2030-03-31T12:00:00", "Europe/Berlin", "2030-03-24 23:00", "2030-03-31 22:00"),
        # The repeated hour is two windows.
        ("HOUR", "2030-10-27T00:15:00", "Europe/Berlin", "2030-10-27 00:00", "2030-10-27 01:00"),
        ("HOUR", "2030-10-27T01:15:00", "Europe/Berlin", "2030-10-27 01:00", "2030-10-27 02:00"),
        # Put back by half an hour, and forward: the rest of an hour is a window of its own.
        ("HOUR", "2030-04-06T15:10:00", "Australia/Lord_Howe", "2030-04-06 15:00", "2030-04-06 15:30"),
        ("HOUR", "2030-10-05T15:40:00", "Australia/Lord_Howe", "2030-10-05 15:30", "2030-10-05 16:00"),
        # Midnight is skipped: the day begins with the first instant after the gap.
        ("DAY", "2018-11-04T12:00:00", "America/Sao_Paulo", "2018-11-04 03:00", "2018-11-05 02:00"),
        # Midnight comes twice: the day begins with the first.
        ("DAY", "2024-11-03T04:30:00", "America/Havana", "2024-11-03 04:00", "2024-11-04 05:00"),
    ],
)
def test_in_a_zone(window: str, instant: str, zone: str, start: str, end: str) -> None:
    assert span(window, instant, zone) == (start, end)


@pytest.mark.parametrize(
    ("window", "instant", "anchor", "start", "end"),
    [
        ("HOUR", "2030-01-15T12:10:00", "2030-01-01T00:20", "2030-01-15 11:20", "2030-01-15 12:20"),
        ("DAY", "2030-01-15T09:29:59", "2029-10-31T09:30", "2030-01-14 09:30", "2030-01-15 09:30"),
        ("WEEK", "2030-01-15T12:00:00", "2030-01-02T00:00", "2030-01-09 00:00", "2030-01-16 00:00"),
        # The 31st clips to the last day, and comes back.
        ("MONTH", "2030-02-28T09:30:00", "2029-10-31T09:30", "2030-02-28 09:30", "2030-03-31 09:30"),
        ("MONTH", "2030-03-31T09:29:00", "2029-10-31T09:30", "2030-02-28 09:30", "2030-03-31 09:30"),
        ("MONTH", "2032-02-29T12:00:00", "2029-10-31T09:30", "2032-02-29 09:30", "2032-03-31 09:30"),
        # A leap day's year.
        ("YEAR", "2031-02-28T00:00:00", "2028-02-29T00:00", "2031-02-28 00:00", "2032-02-29 00:00"),
        ("YEAR", "2032-02-28T23:59:00", "2028-02-29T00:00", "2031-02-28 00:00", "2032-02-29 00:00"),
        # Before the anchor the steps go backwards.
        ("DAY", "2030-01-15T12:00:00", "2030-02-01T18:00", "2030-01-14 18:00", "2030-01-15 18:00"),
        ("MONTH", "2030-01-15T12:00:00", "2030-05-31T00:00", "2029-12-31 00:00", "2030-01-31 00:00"),
    ],
)
def test_from_an_anchor(window: str, instant: str, anchor: str, start: str, end: str) -> None:
    assert span(window, instant, anchor=anchor) == (start, end)


def test_an_anchor_keeps_its_hour_on_the_wall() -> None:
    # 08:00 in Berlin, before and after the clocks change.
    assert span("DAY", "2030-03-31T12:00:00", "Europe/Berlin", "2030-03-01T07:00") == (
        "2030-03-31 06:00",
        "2030-04-01 06:00",
    )


@pytest.mark.parametrize("window", ["TOTAL", "REQUEST"])
def test_without_end(window: str) -> None:
    assert window_at(Window(window), SINCE, ZoneInfo("UTC"), None, SINCE) == Span(None, None)


LONG = [each for each in Window if each not in (Window.TOTAL, Window.REQUEST)]
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "America/Havana", "America/Sao_Paulo", "Asia/Kolkata"]

SINCE_2018 = datetime(2018, 1, 1, tzinfo=UTC)
INSTANTS = st.integers(0, 16 * 365 * 86400).map(lambda seconds: SINCE_2018 + timedelta(seconds=seconds))


@judged(examples=300)
@given(
    window=st.sampled_from(LONG),
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    instant=INSTANTS,
    anchor=st.none() | INSTANTS,
)
def test_windows_follow_each_other_without_a_gap(
    window: Window, zone: ZoneInfo, instant: datetime, anchor: datetime | None
) -> None:
    spans = [window_at(window, instant, zone, anchor, SINCE)]
    for _ in range(3):
        assert spans[-1].end is not None
        spans.append(window_at(window, spans[-1].end, zone, anchor, SINCE))
    assert spans[0].start is not None
    assert spans[0].start <= instant
    for one, other in pairwise(spans):
        assert one.start is not None
        assert one.end is not None
        assert one.start < one.end == other.start
        assert window_at(window, one.end - timedelta(microseconds=1), zone, anchor, SINCE) == one
