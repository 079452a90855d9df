"""What a back end must do to be judged: the model, SQL and every door implement this protocol.

A back end holds one world at a time. It is set up once, then gets operations in order.

To plug one in, write a class with these methods and give it to ``replay.replay`` (a history, operation by
operation) or to ``cases.replay_case`` (one case of the vectors); compare with ``compare.first_difference``.
The forms are plain JSON (``forms.py``), the answers have the names of KERNEL §1. An answer may carry more
than is compared, and may lack what a door does not show; ``compare.comparable`` says what is looked at.

Time: when the customer is made, the test clock stands at the world's ``instant`` less ``SET_UP_BEFORE``; the
last step of the set-up moves it to the ``instant``. It stands still between calls of ``advance``.

Identifiers: worlds name wallets, grants, budgets and raises. A back end that makes its own ids maps them,
both ways. "The older" is always the one named first.
"""

from collections.abc import Sequence
from typing import Protocol

from tests.conformance.forms import (
    Answer,
    BudgetForm,
    EntityForm,
    GrantChangeForm,
    GrantForm,
    HoldingForm,
    Item,
    RateForm,
    State,
    Step,
    UnknownEntityForm,
    World,
)


class Malformed(Exception):
    """What a back end raises for a malformed request, after it has undone the call."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


class Backend(Protocol):
    """One customer in one world.

    A *step* names the key under which a reservation was made; where none was, or the key is of something
    else, a back end asks for one that there is not.
    """

    def set_up(self, world: World) -> None:
        """Makes catalog, customer, entities, wallets, budgets and grants, in this order.

        Then come suspensions and policy, and last the clock is moved.
        """

    def consume(self, items: Sequence[Item], observe: bool = False) -> list[Answer]:
        """One call with all these items; the answers are in their order. ``observe`` is the key's."""

    def check(self, items: Sequence[Item], observe: bool = False) -> list[Answer]:
        """One dry run of all these items."""

    def reserve(self, items: Sequence[Item], observe: bool = False) -> list[Answer]:
        """As ``consume``; what is allowed is held."""

    def settle(self, steps: Sequence[Step], observe: bool = False) -> list[Answer]:
        """One call that settles all these, in order; each to its total so far."""

    def release(self, steps: Sequence[Step]) -> list[Answer]:
        """One call that releases all these, in order."""

    def extend(self, steps: Sequence[Step], observe: bool = False) -> list[Answer]:
        """One call that extends all these, in order."""

    def grant(self, grant: GrantForm) -> None:
        """Gives credits."""

    def update_grant(self, grant_id: str, change: GrantChangeForm) -> None:
        """Changes terms of a grant; what is wrong is ``Malformed`` with ``field CODE``, all of it, sorted."""

    def void_grant(self, grant_id: str) -> None:
        """Takes back what is left of a grant; refused as ``update_grant`` is."""

    def transfer_credits(
        self, transfer_id: str, source: HoldingForm, target: HoldingForm, amount: str
    ) -> None:
        """Moves credits; part *n* becomes the grant ``transfer_id.n``. Refused as ``update_grant`` is."""

    def reverse(self, reversal_id: str, key: str, share: str | None, event: int = -1) -> None:
        """Takes back a share of what the request under a key used.

        Of a reservation's request that is the last event that settled it, unless it is said which one.
        Adjustment *n* becomes the grant ``reversal_id.n``. Refused as ``update_grant`` is; what used nothing
        is no usage event.
        """

    def set_reversal_of_expired(self, policy: str) -> None:
        """What becomes of credits whose grant has expired when their use is taken back."""

    def charge_back(self, grant_id: str) -> None:
        """Says that a grant's payment was taken back; refused as ``update_grant`` is."""

    def set_entity(self, entity: EntityForm) -> None:
        """Makes a new entity."""

    def move_entity(self, entity_id: str, parent_id: str | None) -> None:
        """Moves an entity with everything below it; refused as ``update_grant`` is."""

    def archive_entity(self, entity_id: str, with_all_below: bool) -> None:
        """Archives an entity; refused as ``update_grant`` is."""

    def restore_entity(self, entity_id: str) -> None:
        """Brings an archived entity back; refused as ``update_grant`` is."""

    def set_budget(self, budget: BudgetForm) -> None:
        """Makes a budget, or changes it; refused as ``update_grant`` is."""

    def raise_budget(self, budget_id: str, raise_id: str, amount: str, until: int) -> None:
        """Adds to a budget's limit until so many seconds after the world's instant, once for each raise.

        Refused as ``update_grant`` is; another raise of the same id is a conflict.
        """

    def pause_budget(self, budget_id: str, paused: bool) -> None:
        """Pauses a budget, or lets it go on; refused as ``update_grant`` is."""

    def archive_budget(self, budget_id: str) -> None:
        """Archives a budget, for good."""

    def set_rates(self, feature_id: str, rates: Sequence[RateForm]) -> None:
        """Sets rates of a feature, all at once."""

    def suspend_customer(self, suspended: bool) -> None:
        """Suspends or resumes the customer."""

    def suspend_entity(self, entity_id: str, suspended: bool) -> None:
        """Suspends or resumes an entity and everything below it."""

    def set_policy(self, observe: bool | None, unknown_entity: UnknownEntityForm | None) -> None:
        """Changes what is not None."""

    def book_due(self) -> None:
        """What the expiry job does."""

    def advance(self, seconds: int) -> None:
        """Moves the clock."""

    def state(self) -> State:
        """What stands now."""
