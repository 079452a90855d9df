"""The hub with neither GraphQL nor SQL: it is told by two functions."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from controlplane.live.hub import Hub, HubClosed, Look, NotThere, Snapshot, Version

START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class World:
    """Customers, their seq, and how often somebody asked."""

    seqs: dict[str, int]
    now: datetime = START
    due_at: datetime | None = None
    incarnation: int = 1
    looks: int = 0
    computed: list[str] = field(default_factory=list)
    broken: bool = False

    async def look(self, customers: Sequence[str], seqs: Sequence[int] | None) -> Look:
        self.looks += 1
        if self.broken:
            raise OSError
        assert list(customers) == sorted(customers)
        hear_all = seqs is None or any(name not in self.seqs for name in customers)
        newer = [
            name
            for name, known in zip(customers, seqs or (0 for _ in customers), strict=True)
            if name in self.seqs and (hear_all or self.seqs[name] != known)
        ]
        versions = {name: Version(self.incarnation, self.seqs[name], self.now) for name in newer}
        return Look(self.incarnation, self.now, versions, hear_all)

    async def compute(self, customers: Sequence[str]) -> Mapping[str, Snapshot[str]]:
        self.computed += customers
        due_at = self.due_at if self.due_at and self.due_at > self.now else None
        return {
            name: Snapshot(
                Version(self.incarnation, self.seqs[name], self.now), f"{name}@{self.seqs[name]}", due_at
            )
            for name in customers
            if name in self.seqs
        }


async def taken(events: object, count: int = 1) -> list[str]:
    found = []
    for _ in range(count):
        snapshot = await asyncio.wait_for(anext(events), 2)  # type: ignore[call-overload]
        found.append(snapshot.state)
    return found


def test_first_in_full_then_newer() -> None:
    async def scenario() -> None:
        world = World({"a": 1})
        hub = Hub(world.look, world.compute, look_seconds=0.001)
        hub.start()
        async with aclosing(hub.subscribe("a", most_a_second=1000)) as events:
            assert await taken(events) == ["a@1"]
            world.seqs["a"] = 2
            assert await taken(events) == ["a@2"]
            assert world.computed == ["a", "a"]
        await hub.stop()

    asyncio.run(scenario())


def test_one_computation_for_all_subscribers() -> None:
    async def scenario() -> None:
        world = World({"a": 1})
        hub = Hub(world.look, world.compute, look_seconds=0.001)
        hub.start()
        many = [hub.subscribe("a") for _ in range(100)]
        assert await asyncio.gather(*(taken(events) for events in many)) == [["a@1"]] * 100
        assert world.computed == ["a"]
        assert hub.subscribers == 100
        for events in many:
            await events.aclose()
        assert hub.subscribers == 0
        await hub.stop()

    asyncio.run(scenario())


def test_nobody_watches_nobody_asks() -> None:
    async def scenario() -> None:
        world = World({"a": 1})
        hub = Hub(world.look, world.compute, look_seconds=0.001)
        hub.start()
        await asyncio.sleep(0.05)
        assert world.looks == 0
        async with aclosing(hub.subscribe("a")) as events:
            await taken(events)
        looks = world.looks
        await asyncio.sleep(0.05)
        assert world.looks <= looks + 1
        await hub.stop()

    asyncio.run(scenario())


def test_a_slow_subscriber_gets_the_newest() -> None:
    async def scenario() -> None:
        world = World({"a": 1})
        hub = Hub(world.look, world.compute, look_seconds=0.001)
        hub.start()
        async with aclosing(hub.subscribe("a", most_a_second=20)) as events:
            await taken(events)
            for seq in range(2, 12):
                world.seqs["a"] = seq
                await asyncio.sleep(0.003)
            assert await taken(events) == ["a@11"]
        await hub.stop()

    asyncio.run(scenario())


def test_time_alone_makes_it_newer() -> None:
    async def scenario() -> None:
        world = World({"a": 1}, due_at=START + timedelta(hours=1))
        hub = Hub(world.look, world.compute, look_seconds=0.001)
        hub.start()
        async with aclosing(hub.subscribe("a", most_a_second=1000)) as events:
            await taken(events)
            world.now += timedelta(hours=2)
            await taken(events)
            await asyncio.sleep(0.02)
            assert world.computed == ["a", "a"]
        await hub.stop()

    asyncio.run(scenario())


def test_unknown_customers_and_the_end() -> None:
    async def scenario() -> None:
        world = World({"a": 1})
        hub = Hub(world.look, world.compute, look_seconds=0.001)
        hub.start()
        with pytest.raises(NotThere):
            await taken(hub.subscribe("b"))
        events = hub.subscribe("a")
        await taken(events)
        await hub.stop()
        with pytest.raises(HubClosed):
            await taken(events)

    asyncio.run(scenario())


def test_some_who_cannot_be_computed_keep_nobody_else_in_the_dark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controlplane.live.hub.BATCH", 1)
    monkeypatch.setattr("controlplane.live.hub.FAILED_SECONDS", 0.01)

    async def scenario() -> None:
        world = World({"a": 1})

        async def look(customers: Sequence[str], seqs: Sequence[int] | None) -> Look:
            assert "bad" not in customers
            return await world.look(customers, seqs)

        async def compute(customers: Sequence[str]) -> Mapping[str, Snapshot[str]]:
            if "bad" in customers:
                raise OSError
            return await world.compute(customers)

        hub = Hub(look, compute, look_seconds=0.001)
        hub.start()
        bad = asyncio.create_task(taken(hub.subscribe("bad")))
        await asyncio.sleep(0)
        async with aclosing(hub.subscribe("a", most_a_second=1000)) as events:
            assert await taken(events) == ["a@1"]
            world.seqs["a"] = 2
            assert await taken(events) == ["a@2"]
        bad.cancel()
        await hub.stop()

    asyncio.run(scenario())


def test_who_vanishes_is_told_and_nobody_else() -> None:
    async def scenario() -> None:
        world = World({"a": 1, "b": 1})
        hub = Hub(world.look, world.compute, look_seconds=0.001)
        hub.start()
        gone, here = hub.subscribe("a", most_a_second=1000), hub.subscribe("b", most_a_second=1000)
        await asyncio.gather(taken(gone), taken(here))
        del world.seqs["a"]
        with pytest.raises(NotThere):
            await taken(gone)
        world.seqs["b"] = 2
        assert await taken(here) == ["b@2"]
        assert world.computed == ["a", "b", "b"]
        await here.aclose()
        await hub.stop()

    asyncio.run(scenario())


def test_another_history_with_the_same_numbers_is_newer() -> None:
    async def scenario() -> None:
        world = World({"a": 1, "b": 1})
        hub = Hub(world.look, world.compute, look_seconds=0.001)
        hub.start()
        both = [hub.subscribe(name, most_a_second=1000) for name in "ab"]
        await asyncio.gather(*map(taken, both))
        world.incarnation = 2
        await asyncio.gather(*map(taken, both))
        await asyncio.sleep(0.02)
        assert sorted(world.computed) == ["a", "a", "b", "b"]
        for events in both:
            await events.aclose()
        await hub.stop()

    asyncio.run(scenario())


@pytest.mark.parametrize("failing", [False, True])
def test_a_clock_that_was_moved_back_is_seen(monkeypatch: pytest.MonkeyPatch, failing: bool) -> None:
    """Also where the look that finds it out, or the one that is to hear of everybody, fails."""
    monkeypatch.setattr("controlplane.live.hub.FAILED_SECONDS", 0.001)

    async def scenario() -> None:
        world = World({"a": 1, "b": 1})
        heard: list[bool] = []
        calm = asyncio.Event()

        async def look(customers: Sequence[str], seqs: Sequence[int] | None) -> Look:
            heard.append(seqs is None)
            if True in heard and not any(heard[-3:]):
                calm.set()
            if failing and heard.count(True) == 1 and heard[-1]:
                raise OSError
            return await world.look(customers, seqs)

        hub = Hub(look, world.compute, look_seconds=0.001)
        hub.start()
        both = [hub.subscribe(name, most_a_second=1000) for name in "ab"]
        await asyncio.gather(*map(taken, both))
        world.now -= timedelta(hours=1)
        await asyncio.gather(*map(taken, both))
        await asyncio.wait_for(calm.wait(), 2)
        assert sorted(world.computed) == ["a", "a", "b", "b"]
        for events in both:
            await events.aclose()
        await hub.stop()

    asyncio.run(scenario())


def test_many_who_come_and_go_miss_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """In many small parts, whose bounds move all the time."""
    monkeypatch.setattr("controlplane.live.known.PART", 7)
    monkeypatch.setattr("controlplane.live.hub.BATCH", 5)

    async def scenario() -> None:
        names = [f"c{number}" for number in range(40)]
        world = World(dict.fromkeys(names, 1))
        hub = Hub(world.look, world.compute, look_seconds=0.001)
        hub.start()
        draw = random.Random(5)

        async def watch(name: str) -> None:
            for _ in range(15):
                seen = 0
                async with aclosing(hub.subscribe(name, most_a_second=1000)) as events:
                    for _ in range(draw.randrange(1, 4)):
                        world.seqs[name] += 1
                        wanted = world.seqs[name]
                        while seen < wanted:
                            (state,) = await taken(events)
                            assert int(state.split("@")[1]) >= seen
                            seen = int(state.split("@")[1])

        await asyncio.gather(*map(watch, names))
        assert hub.subscribers == 0
        assert list(hub._known.parts()) == []
        await hub.stop()

    asyncio.run(scenario())


def test_a_failed_look_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controlplane.live.hub.FAILED_SECONDS", 0.01)

    async def scenario() -> None:
        world = World({"a": 1})
        hub = Hub(world.look, world.compute, look_seconds=0.001)
        hub.start()
        async with aclosing(hub.subscribe("a", most_a_second=1000)) as events:
            await taken(events)
            world.broken = True
            await asyncio.sleep(0.03)
            world.seqs["a"], world.broken = 2, False
            assert await taken(events) == ["a@2"]
        await hub.stop()

    asyncio.run(scenario())
