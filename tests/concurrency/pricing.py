"""Which version of the catalogue each decision of a race was made by.

The catalogue has its own order, apart from any customer's ``seq``. A decision that was charged or held tells
its version; of another, such as a denial, it is one that was there at some moment between call and answer. In
the order of ``seq`` no decision goes back to an older version.
"""

from collections.abc import Sequence

from tests.concurrency.racing import Arena, Done
from tests.conformance.model_backend import ModelBackend
from tests.conformance.replay import apply
from tests.model.catalog import Rate


class Pricing:
    """The changes of one world's rates, in order; ``applied`` of them are known to the model."""

    def __init__(self, arena: Arena, world: int, done: Sequence[Done]) -> None:
        own = arena.sql[world]
        features = [own._own(each) for each in arena.models[world].kernel.catalog.features]
        versions = dict(
            arena.rows(
                "SELECT actor, (after -> 0 ->> 'catalog_version')::bigint FROM core.installation_change"
                " WHERE kind = 'RATES' AND subject = ANY (%s) AND actor <> 'test'",
                features,
            )
        )
        self.changes = sorted(
            ((versions[each.actor], each) for each in done if each.actor in versions and sets_rates(each)),
            key=lambda change: change[0],
        )
        self.told: dict[int, int] = dict(
            arena.rows(
                "SELECT seq, catalog_version FROM core.usage_event"
                " WHERE customer_id = %s AND reservation_no IS NULL"
                " UNION ALL SELECT reservation_no, catalog_version FROM core.reservation"
                " WHERE customer_id = %s",
                own._customer,
                own._customer,
            )
        )
        self.applied = 0
        self.rates_before: dict[int, int] = {}

    def options(self, done: Done | None) -> range:
        """How many changes there may have been when it was decided; none if what it tells cannot be."""
        if done is None or done.operation["op"] not in ("consume", "check", "reserve"):
            return range(self.applied, self.applied + 1)
        least = sum(change.ended < done.started for _, change in self.changes)
        most = sum(change.started < done.ended for _, change in self.changes)
        if done.operation["op"] == "check":
            return range(least, most + 1)  # it takes no gate, so that those before it may have seen more
        least = max(least, self.applied)
        versions = {
            self.told[row["seq"]]
            for row in done.rows
            if row["allowed"] and row["seq"] is not None and not row["replayed"]
        }
        if not versions:
            return range(least, most + 1)
        told = {sum(version <= each for version, _ in self.changes) for each in versions}
        one = min(told)
        return range(one, one + 1) if len(versions) == 1 and least <= one <= most else range(0)

    def tell(self, model: ModelBackend, known: int) -> None:
        """Lets a model, which knows those applied, know so many: rates are only ever added."""
        for place, (_, change) in list(enumerate(self.changes))[self.applied : known]:
            self.rates_before[place] = len(rates_of(model, change))
            apply(model, change.operation)
        for place, (_, change) in reversed(list(enumerate(self.changes))[known : self.applied]):
            del rates_of(model, change)[self.rates_before[place] :]


def rates_of(model: ModelBackend, change: Done) -> list[Rate]:
    return model.kernel.catalog.features[change.operation["featureId"]].rates


def sets_rates(done: Done) -> bool:
    return done.operation["op"] == "setRates"
