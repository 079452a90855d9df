"""What the tests of the catalogue ask it: which tables are a customer's, which functions are ours."""

import re

#: Tables that a customer's rows stand in: its id is there, and always.
CUSTOMERS = """
    SELECT c.oid, c.relname::text FROM pg_class AS c
    JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'customer_id' AND a.attnotnull
    WHERE c.relnamespace = 'core'::regnamespace AND c.relkind IN ('r', 'p')
"""

#: Everything in our schemas that can be called, but for aggregates.
FUNCTIONS = """
    SELECT p.oid, p.oid::regprocedure::text AS name, p.pronamespace::regnamespace::text AS schema,
           p.proname::text, p.prosrc,
           p.prosecdef, p.provolatile, l.lanname, coalesce(array_to_string(p.proconfig, ' '), '') AS settings
    FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang
    WHERE p.pronamespace IN ('core'::regnamespace, 'api'::regnamespace, 'report'::regnamespace)
      AND p.prokind IN ('f', 'p')
"""

#: Rows that are never changed.
HISTORY = (
    *("ledger_entry", "usage_event", "change", "counter_window", "idempotency", "installation_change"),
    *("customer_month", "opening", "opening_grant", "ledger_origin", "reservation_step", "seal"),
    "reversal",
)

#: Those that ``verify`` works out anew from the others.
OPENINGS = ("customer_month", "opening", "opening_grant")

#: Those of them that seals are made of.
SEALED = (
    *("ledger_entry", "usage_event", "change", "counter_window", "idempotency"),
    *("reservation_step", "ledger_origin", "reversal"),
)


def uncommented(source: str) -> str:
    """The text of a function without its comments."""
    return re.sub(r"--[^\n]*", "", source)


def statements(source: str, verb: str) -> list[str]:
    """The statements of a function that begin with this verb, each up to its semicolon."""
    return re.findall(rf"\b{verb}\b[^;]*", uncommented(source))
