"""``core.window_of``: the windows of KERNEL §4, at their edges."""

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import psycopg
import pytest

CREATED = datetime(2024, 1, 31, 10, 30, tzinfo=UTC)


def window(connection, name: str, at: datetime, zone: str = "UTC", anchor: datetime | None = None):
    return connection.execute(
        "SELECT starts_at, ends_at FROM core.window_of(%s, %s, %s, %s, %s)",
        (name, zone, anchor, CREATED, at),
    ).fetchone()


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_request_and_the_total_never_end(connection) -> None:
    for name in ("REQUEST", "TOTAL"):
        ends = connection.execute(
            "SELECT starts_at::text, ends_at::text FROM core.window_of(%s, 'UTC', NULL, now(), now())",
            (name,),
        ).fetchone()
        assert ends == ("-infinity", "infinity")


def test_by_the_calendar(connection) -> None:
    for name, zone, at, start, end in (
        ("MINUTE", "UTC", "2026-05-05 12:34:56", "2026-05-05 12:34", "2026-05-05 12:35"),
        ("HOUR", "UTC", "2026-05-05 12:34:56", "2026-05-05 12:00", "2026-05-05 13:00"),
        ("HOUR", "Asia/Kolkata", "2026-05-05 12:34:56", "2026-05-05 12:30", "2026-05-05 13:30"),
        ("DAY", "Asia/Kolkata", "2026-05-05 18:30", "2026-05-05 18:30", "2026-05-06 18:30"),
        ("DAY", "Asia/Kathmandu", "2026-05-05 18:14:59", "2026-05-04 18:15", "2026-05-05 18:15"),
        ("WEEK", "UTC", "2026-05-10 23:59:59", "2026-05-04 00:00", "2026-05-11 00:00"),
        ("WEEK", "UTC", "2026-05-11 00:00", "2026-05-11 00:00", "2026-05-18 00:00"),
        ("WEEK", "Pacific/Auckland", "2026-05-10 12:00", "2026-05-10 12:00", "2026-05-17 12:00"),
        ("MONTH", "UTC", "2028-02-29 12:00", "2028-02-01 00:00", "2028-03-01 00:00"),
        ("YEAR", "America/New_York", "2026-01-01 04:59", "2025-01-01 05:00", "2026-01-01 05:00"),
        # Berlin skips 02:00-03:00 on 29 March and has it twice on 25 October 2026.
        ("DAY", "Europe/Berlin", "2026-03-29 12:00", "2026-03-28 23:00", "2026-03-29 22:00"),
        ("DAY", "Europe/Berlin", "2026-10-25 12:00", "2026-10-24 22:00", "2026-10-25 23:00"),
        ("HOUR", "Europe/Berlin", "2026-10-25 00:30", "2026-10-25 00:00", "2026-10-25 01:00"),
        ("HOUR", "Europe/Berlin", "2026-10-25 01:30", "2026-10-25 01:00", "2026-10-25 02:00"),
        ("MONTH", "Europe/Berlin", "2026-03-31 21:59", "2026-02-28 23:00", "2026-03-31 22:00"),
        # Lord Howe goes back and forward by half an hour: the rest of an hour is a window of its own.
        ("HOUR", "Australia/Lord_Howe", "2026-04-04 14:59:59", "2026-04-04 14:00", "2026-04-04 15:00"),
        ("HOUR", "Australia/Lord_Howe", "2026-04-04 15:10", "2026-04-04 15:00", "2026-04-04 15:30"),
        ("HOUR", "Australia/Lord_Howe", "2026-10-03 15:29", "2026-10-03 14:30", "2026-10-03 15:30"),
        ("HOUR", "Australia/Lord_Howe", "2026-10-03 15:40", "2026-10-03 15:30", "2026-10-03 16:00"),
        # Chatham goes forward by an hour, but at a quarter to three.
        ("HOUR", "Pacific/Chatham", "2026-09-26 14:05", "2026-09-26 13:15", "2026-09-26 14:15"),
        # Havana goes back over midnight: the day begins at the first of two.
        ("DAY", "America/Havana", "2026-11-01 04:30", "2026-11-01 04:00", "2026-11-02 05:00"),
        ("DAY", "America/Havana", "2026-11-01 05:30", "2026-11-01 04:00", "2026-11-02 05:00"),
        # Cairo skips midnight: the day begins at one o'clock.
        ("DAY", "Africa/Cairo", "2026-04-24 12:00", "2026-04-23 22:00", "2026-04-24 21:00"),
    ):
        assert window(connection, name, utc(at), zone) == (utc(start), utc(end)), (name, zone, at)


def test_from_an_anchor(connection) -> None:
    for name, zone, anchor, at, start, end in (
        ("HOUR", "UTC", "2026-05-05 12:10", "2026-05-07 09:09:59", "2026-05-07 08:10", "2026-05-07 09:10"),
        ("HOUR", "UTC", "2026-05-05 12:10", "2026-05-01 09:10", "2026-05-01 09:10", "2026-05-01 10:10"),
        ("DAY", "UTC", "2026-05-05 12:10", "2026-05-07 12:09", "2026-05-06 12:10", "2026-05-07 12:10"),
        ("WEEK", "UTC", "2026-05-06 08:00", "2026-04-29 07:59", "2026-04-22 08:00", "2026-04-29 08:00"),
        ("MONTH", "UTC", "2026-01-31 09:00", "2026-02-28 08:59", "2026-01-31 09:00", "2026-02-28 09:00"),
        ("MONTH", "UTC", "2026-01-31 09:00", "2026-02-28 09:00", "2026-02-28 09:00", "2026-03-31 09:00"),
        ("MONTH", "UTC", "2026-01-31 09:00", "2026-05-01 00:00", "2026-04-30 09:00", "2026-05-31 09:00"),
        ("MONTH", "UTC", "2026-01-31 09:00", "2025-12-01 00:00", "2025-11-30 09:00", "2025-12-31 09:00"),
        ("YEAR", "UTC", "2024-02-29 00:00", "2026-02-28 00:00", "2026-02-28 00:00", "2027-02-28 00:00"),
        ("YEAR", "UTC", "2024-02-29 00:00", "2028-02-28 12:00", "2027-02-28 00:00", "2028-02-29 00:00"),
        # Half past two does not exist on 29 March in Berlin, and is there twice on 25 October.
        (
            "DAY",
            "Europe/Berlin",
            "2026-03-01 01:30",
            "2026-03-29 12:00",
            "2026-03-29 01:30",
            "2026-03-30 00:30",
        ),
        (
            "DAY",
            "Europe/Berlin",
            "2026-03-01 01:30",
            "2026-10-25 00:45",
            "2026-10-25 00:30",
            "2026-10-26 01:30",
        ),
        (
            "DAY",
            "Europe/Berlin",
            "2026-03-01 01:30",
            "2026-10-25 01:45",
            "2026-10-25 00:30",
            "2026-10-26 01:30",
        ),
    ):
        assert window(connection, name, utc(at), zone, utc(anchor)) == (utc(start), utc(end)), (
            name,
            anchor,
            at,
        )


def test_a_billing_period_is_the_month_since_the_customer_was_made(connection) -> None:
    assert window(connection, "BILLING_PERIOD", utc("2024-03-01 00:00"), anchor=utc("2020-05-05 00:00")) == (
        utc("2024-02-29 10:30"),
        utc("2024-03-31 10:30"),
    )


ZONES = ("UTC", "Europe/Berlin", "America/Havana", "Africa/Cairo", "Asia/Kolkata", "Australia/Lord_Howe",
         "Pacific/Chatham", "America/Sao_Paulo", "Asia/Beirut")  # fmt: skip


def test_windows_of_a_day_and_more_leave_no_gap(connection) -> None:
    """Every window holds its instant, and the next one begins where it ends, anchored or not."""
    some = random.Random(4)
    for _ in range(1000):
        zone = some.choice(ZONES)
        at = utc("2015-01-01 00:00") + timedelta(minutes=some.randrange(15 * 365 * 1440))
        anchor = some.choice((None, at + timedelta(minutes=some.randrange(-(10**6), 10**6))))
        name = some.choice(("DAY", "WEEK", "MONTH", "YEAR"))
        start, end = window(connection, name, at, zone, anchor)
        assert start <= at < end, (name, zone, at, anchor)
        assert window(connection, name, end, zone, anchor)[0] == end, (name, zone, at, anchor)
        if anchor is None:
            wall = end.astimezone(ZoneInfo(zone))
            assert wall.hour * 60 + wall.minute <= 60  # midnight, or the end of what is skipped


def test_hours_follow_each_other_where_a_zone_is_put_forward_and_back(connection) -> None:
    for zone in ("Australia/Lord_Howe", "America/Santiago", "Pacific/Chatham", "Europe/Berlin"):
        for change in ("2026-03-29", "2026-04-04", "2026-09-05", "2026-09-26", "2026-10-03", "2026-10-25"):
            at, end = utc(f"{change} 00:00"), None
            while at < utc(f"{change} 20:00"):
                start, ends = window(connection, "HOUR", at, zone)
                assert end is None or start == end, (zone, at)
                assert start <= at < ends, (zone, at)
                # The same all through it, to its last instant.
                assert window(connection, "HOUR", ends - timedelta(microseconds=1), zone) == (start, ends), (
                    zone,
                    at,
                )
                at = end = ends


def test_the_session_has_no_part_in_it(connection) -> None:
    question = "SELECT * FROM core.window_of('DAY', 'Europe/Berlin', NULL, now(), '2026-03-29 12:00+00')"
    here = connection.execute(question).fetchone()
    connection.execute(
        "SET TimeZone = 'Europe/Berlin'; SET search_path = public; SET IntervalStyle = 'sql_standard'"
    )
    assert connection.execute(question).fetchone() == here


def test_another_window_or_zone_is_an_error(connection) -> None:
    with pytest.raises(psycopg.errors.CaseNotFound):
        window(connection, "FORTNIGHT", CREATED)
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        window(connection, "DAY", CREATED, "Europe/Atlantis")
