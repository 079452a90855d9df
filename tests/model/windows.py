"""The window a budget counts over (KERNEL §4): by the calendar of a zone, or from an anchor.

A local time that a zone skips is the first instant after the gap; one that it has twice is the first.
"""

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from tests.model.words import Window

#: Windows shorter than a day have a length; longer ones have only a calendar.
LENGTHS = {Window.MINUTE: timedelta(minutes=1), Window.HOUR: timedelta(hours=1)}
#: How many days, months one step of a longer window is.
STEPS = {Window.DAY: (1, 0), Window.WEEK: (7, 0), Window.MONTH: (0, 1), Window.YEAR: (0, 12)}


class Span(NamedTuple):
    """From ``start`` to before ``end``; an ``end`` of None never comes."""

    start: datetime | None
    end: datetime | None


ALWAYS = Span(None, None)


def window_at(
    window: Window, instant: datetime, zone: ZoneInfo, anchor: datetime | None, customer_since: datetime
) -> Span:
    """The window in which the instant lies."""
    if window in (Window.TOTAL, Window.REQUEST):
        return ALWAYS
    if window is Window.BILLING_PERIOD:  # without a subscription: the month from the customer's creation
        return anchored(Window.MONTH, instant, zone, customer_since)
    if anchor is not None:
        return anchored(window, instant, zone, anchor)
    return by_calendar(window, instant, zone)


def by_calendar(window: Window, instant: datetime, zone: ZoneInfo) -> Span:
    """A minute or an hour of the clock on the wall, or a whole day, week (from Monday), month or year."""
    local = instant.astimezone(zone)
    if window is Window.MINUTE:
        start = instant - timedelta(seconds=local.second, microseconds=local.microsecond)
        return Span(start, start + LENGTHS[window])
    if window is Window.HOUR:
        # Back, minute by minute, to a full hour, or to where the clock was put by less than one.
        start = instant - timedelta(seconds=local.second, microseconds=local.microsecond)
        while start.astimezone(zone).minute and is_steady(start, zone):
            start -= LENGTHS[Window.MINUTE]
        end = start + LENGTHS[Window.MINUTE]
        while end.astimezone(zone).minute and is_steady(end, zone):
            end += LENGTHS[Window.MINUTE]
        return Span(start, end)
    today = local.date()
    first = {
        Window.DAY: today,
        Window.WEEK: today - timedelta(days=today.weekday()),
        Window.MONTH: today.replace(day=1),
        Window.YEAR: today.replace(month=1, day=1),
    }[window]
    midnight = datetime.combine(first, time())
    return Span(at(midnight, zone), at(stepped(midnight, window, 1), zone))


def is_steady(minute: datetime, zone: ZoneInfo) -> bool:
    """Whether a zone's clock was not put by a part of an hour at the end of the minute before this one."""
    before = (minute - LENGTHS[Window.MINUTE]).astimezone(zone)
    return before.minute + 1 == (minute.astimezone(zone).minute or 60)


def anchored(window: Window, instant: datetime, zone: ZoneInfo, anchor: datetime) -> Span:
    """The step from the anchor in which the instant lies; before the anchor the steps go backwards."""
    if window in LENGTHS:
        start = anchor + (instant - anchor) // LENGTHS[window] * LENGTHS[window]
        return Span(start, start + LENGTHS[window])
    wall = anchor.astimezone(zone).replace(tzinfo=None)
    steps = steps_between(wall.date(), instant.astimezone(zone).date(), window)
    while at(stepped(wall, window, steps), zone) > instant:
        steps -= 1
    while at(stepped(wall, window, steps + 1), zone) <= instant:
        steps += 1
    return Span(at(stepped(wall, window, steps), zone), at(stepped(wall, window, steps + 1), zone))


def steps_between(first: date, last: date, window: Window) -> int:
    """About how many steps lie between two days."""
    days, months = STEPS[window]
    if days:
        return (last - first).days // days
    return ((last.year - first.year) * 12 + last.month - first.month) // months


def stepped(wall: datetime, window: Window, count: int) -> datetime:
    """So many steps later by the clock on the wall; a day that a month does not have is its last."""
    days, months = STEPS[window]
    year, month = divmod(wall.year * 12 + wall.month - 1 + months * count, 12)
    day = min(wall.day, monthrange(year, month + 1)[1])
    return wall.replace(year=year, month=month + 1, day=day) + timedelta(days=days * count)


def at(wall: datetime, zone: ZoneInfo) -> datetime:
    """The instant at which a zone's clock on the wall shows this."""
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
