"""The reading functions of ``api``: one Python function each, answering with the JSON they return.

A page is a list of rows, each with its ``key``: where the list goes on after it, the incarnation first.
Amounts in the rows are strings in plain notation, instants are ISO 8601 with an offset.
"""

from collections.abc import Mapping, Sequence
from typing import Any, LiteralString, TypeAlias

from controlplane.db.arrays import numbers_array, texts_array
from controlplane.db.encode import checked_text, encoded
from controlplane.db.pool import Database
from controlplane.types import Json

#: One thing that was read; the names are those of the SQL function, in camelCase.
Record: TypeAlias = dict[str, Any]
#: Where a page begins: the ``key`` of the row before it.
Key: TypeAlias = list[Json]
Filter: TypeAlias = Mapping[str, Any]


async def read_customers(database: Database, filter_: Filter, after: Key | None, limit: int) -> list[Record]:
    """Customers by id."""
    return await _page(database, "SELECT api.read_customers(%s, %s, %s)", (), filter_, after, limit)


async def read_entities(
    database: Database, customer: str, filter_: Filter, after: Key | None, limit: int
) -> list[Record]:
    """Entities of a customer in the order of their making; the customer itself is none of them."""
    query: LiteralString = "SELECT api.read_entities(%s, %s, %s, %s)"
    return await _page(database, query, (customer,), filter_, after, limit)


async def read_wallets(
    database: Database, customer: str, filter_: Filter, after: Key | None, limit: int
) -> list[Record]:
    """Wallets of a customer, as they stand now: what is due is counted, booked or not."""
    query: LiteralString = "SELECT api.read_wallets(%s, %s, %s, %s)"
    return await _page(database, query, (customer,), filter_, after, limit)


async def read_grants(
    database: Database, customer: str, filter_: Filter, after: Key | None, limit: int
) -> list[Record]:
    """Grants of a customer, the newest first."""
    query: LiteralString = "SELECT api.read_grants(%s, %s, %s, %s)"
    return await _page(database, query, (customer,), filter_, after, limit)


async def read_budgets(
    database: Database, customer: str, filter_: Filter, after: Key | None, limit: int
) -> list[Record]:
    """Budgets of a customer with what each of their subjects has used in the window of now."""
    query: LiteralString = "SELECT api.read_budgets(%s, %s, %s, %s)"
    return await _page(database, query, (customer,), filter_, after, limit)


async def read_budget_raises(
    database: Database, budgets: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], list[Record]]:
    """Raises of each of these budgets (customer, budget), the newest first; at most 100 of each."""
    if not budgets:
        return {}
    customers = [checked_text(customer, "customerId") for customer, _ in budgets]
    ids = [checked_text(budget, "budgetId") for _, budget in budgets]
    rows = await database.read("SELECT api.read_budget_raises(%s, %s)", (customers, ids))
    return {(row[0]["customerId"], row[0]["budgetId"]): row[0]["raises"] for row in rows}


async def count_each(database: Database, budgets: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """How many entities each of these budgets (customer, budget) counts; only those on each of a type."""
    if not budgets:
        return {}
    customers = [checked_text(customer, "customerId") for customer, _ in budgets]
    ids = [checked_text(budget, "budgetId") for _, budget in budgets]
    rows = await database.read("SELECT api.count_each(%s, %s)", (customers, ids))
    return {(row[0]["customerId"], row[0]["budgetId"]): row[0]["eachCount"] for row in rows}


async def read_budget_tree(
    database: Database, customer: str, filter_: Filter, after: Key | None, limit: int
) -> list[Record]:
    """How each subject of a customer's active budgets stands, by ``filter_["orderBy"]``."""
    query: LiteralString = "SELECT api.read_budget_tree(%s, %s, %s, %s)"
    return await _page(database, query, (customer,), filter_, after, limit)


async def read_ledger_entries(
    database: Database, customer: str, filter_: Filter, after: Key | None, limit: int
) -> list[Record]:
    """Ledger entries of a customer by seq and leg; ``filter_["ascending"]`` turns them round.

    Their ``money`` is read with ``filter_["withMoney"]`` alone.
    """
    query: LiteralString = "SELECT api.read_ledger_entries(%s, %s, %s, %s)"
    return await _page(database, query, (customer,), filter_, after, limit)


async def read_usage_events(
    database: Database, customer: str, filter_: Filter, after: Key | None, limit: int
) -> list[Record]:
    """Usage events of a customer by seq; ``filter_["ascending"]`` turns them round."""
    query: LiteralString = "SELECT api.read_usage_events(%s, %s, %s, %s)"
    return await _page(database, query, (customer,), filter_, after, limit)


async def read_reservations(
    database: Database, customer: str, filter_: Filter, after: Key | None, limit: int
) -> list[Record]:
    """Reservations of a customer as they stand now, by seq; ``filter_["ascending"]`` turns them round."""
    query: LiteralString = "SELECT api.read_reservations(%s, %s, %s, %s)"
    return await _page(database, query, (customer,), filter_, after, limit)


async def read_decisions(
    database: Database, customer: str, filter_: Filter, after: Key | None, limit: int
) -> list[Record]:
    """Recorded decisions of a customer: denials alone the newest first, all of them the largest key first."""
    query: LiteralString = "SELECT api.read_decisions(%s, %s, %s, %s)"
    return await _page(database, query, (customer,), filter_, after, limit)


async def read_audit_events(
    database: Database, customer: str | None, filter_: Filter, after: Key | None, limit: int
) -> list[Record]:
    """Changes of a customer, or of all of them and the installation (None); the newest first."""
    query: LiteralString = "SELECT api.read_audit_events(%s, %s, %s, %s)"
    return await _page(database, query, (customer,), filter_, after, limit)


async def read_features(database: Database, filter_: Filter, after: Key | None, limit: int) -> list[Record]:
    """Features by id, as the newest catalogue has them."""
    return await _page(database, "SELECT api.read_features(%s, %s, %s)", (), filter_, after, limit)


async def read_credit_types(
    database: Database, filter_: Filter, after: Key | None, limit: int
) -> list[Record]:
    """Credit types by id."""
    return await _page(database, "SELECT api.read_credit_types(%s, %s, %s)", (), filter_, after, limit)


async def read_rates(database: Database, filter_: Filter, after: Key | None, limit: int) -> list[Record]:
    """Rates by feature, credit type, quantity, dimensions and date; superseded ones too."""
    return await _page(database, "SELECT api.read_rates(%s, %s, %s)", (), filter_, after, limit)


async def read_api_keys(database: Database, filter_: Filter, after: Key | None, limit: int) -> list[Record]:
    """API keys by id; their secrets are stored nowhere."""
    return await _page(database, "SELECT api.read_api_keys(%s, %s, %s)", (), filter_, after, limit)


async def read_balances(database: Database, customers: Sequence[str]) -> dict[str, Record]:
    """Version and wallets of each of these customers, all of one instant; who is unknown is missing."""
    return await _by_customer(database, "SELECT api.read_balances(%s)", customers)


async def read_balances_at(database: Database, customer: str, at: Mapping[str, str]) -> Record:
    """What stood on every account at ``{"seq"}``, ``{"recordedAt"}`` or ``{"effectiveAt"}``.

    Raises:
        RequestError: not exactly one of the three; no such customer; what has not happened yet.
    """
    parameters = (checked_text(customer, "customerId"), encoded(dict(at)))
    [(found,)] = await database.read("SELECT api.balances_at(%s, %s)", parameters)
    return dict(found)


async def read_newer_versions(
    database: Database, customers: Sequence[str], seqs: Sequence[int] | None
) -> Record:
    """Who of these has another ``seq`` than the one given: ``versions``, each an id, a seq, an instant.

    The customers are those that have been read before, in the order of their ids. Without numbers, or where
    one of them is not there, the versions of all are told, as ``all`` says.
    """
    known = None if seqs is None else numbers_array(tuple(seqs))
    query: LiteralString = "SELECT api.read_newer_versions(%s::text[], %s::bigint[])"
    [(found,)] = await database.read(query, (texts_array(tuple(customers)), known))
    return dict(found)


async def read_installation(database: Database) -> Record:
    """What this database is: ``environment``, ``incarnation``, ``minCodeVersion``, ``needsRecovery``."""
    [(found,)] = await database.read("SELECT api.read_installation()")
    return dict(found)


async def _page(
    database: Database,
    query: LiteralString,
    leading: tuple[str | None, ...],
    filter_: Filter,
    after: Key | None,
    limit: int,
) -> list[Record]:
    parameters = (
        *(None if text is None else checked_text(text, "customerId") for text in leading),
        encoded({name: value for name, value in filter_.items() if value is not None}),
        None if after is None else encoded(after),
        limit,
    )
    return [row[0] for row in await database.read(query, parameters)]


async def _by_customer(
    database: Database, query: LiteralString, customers: Sequence[str]
) -> dict[str, Record]:
    if not customers:
        return {}
    wanted = [checked_text(customer, "customerId") for customer in customers]
    return {row[0]["customerId"]: row[0] for row in await database.read(query, (wanted,))}
