"""Who asks, and what he may: scopes of keys, and the one customer a key may be bound to."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from controlplane.graphql.failures import failure


class Scope(StrEnum):
    """What a key may do. Overage modes other than REJECT need one each, beside CONSUME."""

    READ = "READ"
    CHECK = "CHECK"
    CONSUME = "CONSUME"
    CAP = "CAP"
    OVERDRAFT = "OVERDRAFT"
    RECORD = "RECORD"
    GRANT = "GRANT"
    CUSTOMERS = "CUSTOMERS"
    BUDGETS = "BUDGETS"
    CATALOG = "CATALOG"
    KEYS = "KEYS"


class KeyKind(StrEnum):
    """What a key is for; it stands in the key itself."""

    SECRET = "SECRET"  # noqa: S105  # the name of a kind
    PUBLISHABLE = "PUBLISHABLE"
    ADMIN = "ADMIN"


@dataclass(frozen=True, slots=True)
class Principal:
    """The key behind a request.

    Attributes:
        customer_id: the only customer it acts for; None is any.
        is_observed: decisions under it are recorded and never enforced.
    """

    key_id: str
    prefix: str
    name: str
    kind: KeyKind
    scopes: frozenset[str]
    customer_id: str | None
    is_observed: bool
    expires_at: datetime | None

    def may(self, scope: Scope) -> bool:
        """Whether the key has this scope."""
        return scope.value in self.scopes

    def need(self, *scopes: Scope) -> None:
        """Go on only with these scopes.

        Raises:
            GraphQLError: ``FORBIDDEN``, naming the scope.
        """
        for scope in scopes:
            if not self.may(scope):
                raise failure("FORBIDDEN", f"this key lacks the scope {scope.value}", scope=scope.value)

    def need_customer(self, customer_id: str, field: str = "customerId") -> None:
        """Go on only if the key may act for this customer.

        Raises:
            GraphQLError: ``FORBIDDEN``; whether that customer exists is not told.
        """
        if self.customer_id is not None and self.customer_id != customer_id:
            raise failure("FORBIDDEN", f"{field}: this key acts for another customer", field=field)

    def need_customers(self, customer_ids: Iterable[str]) -> None:
        """The same for each item of a list.

        Raises:
            GraphQLError: ``FORBIDDEN``, naming the item.
        """
        if self.customer_id is None:
            return
        for place, customer_id in enumerate(customer_ids):
            self.need_customer(customer_id, f"input[{place}].customerId")

    def need_whole_installation(self) -> None:
        """Go on only if the key is bound to no customer: what follows belongs to all of them.

        Raises:
            GraphQLError: ``FORBIDDEN``.
        """
        if self.customer_id is not None:
            raise failure("FORBIDDEN", "this key is bound to one customer, and this belongs to all of them")
