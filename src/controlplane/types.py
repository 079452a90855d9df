"""Names shared by every layer: the environments, the database roles, the shapes of JSON.

This module imports nothing of the project, so that everything may import it.
"""

from enum import StrEnum
from typing import Literal, TypeAlias

#: What ``json.loads`` can return.
Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

#: The major versions of PostgreSQL that the embedded server offers, and that the tests run on.
PostgresMajor: TypeAlias = Literal[16, 18]


class Environment(StrEnum):
    """Which kind of database this is; only a test environment can move its clock."""

    LIVE = "live"
    TEST = "test"


class Failover(StrEnum):
    """How the database fails over, which decides what a new timeline means.

    After an asynchronous failover the last commits may be lost and numbers may repeat, so nothing is
    decided before somebody ran ``controlplane recover``; after a synchronous one nothing was lost.
    """

    ASYNCHRONOUS = "asynchronous"
    SYNCHRONOUS = "synchronous"


class Role(StrEnum):
    """The database roles, without the cluster-wide prefix that ``Settings.role_name`` puts before them."""

    #: Owns every object and cannot log in; only migrations become it.
    OWNER = "owner"
    #: The API: may execute ``api`` and nothing else.
    APP = "app"
    #: The worker: the API's rights, and the queues.
    WORKER = "worker"
    #: People who read all customers' reports.
    ANALYST = "analyst"
    #: A group for logins that belong to one customer.
    TENANT = "tenant"
    #: What ``ledgerQuery`` runs as.
    QUERY = "query"
    #: Finance: reports, and closing months.
    FINANCE = "finance"
    #: Reads everything that may be read, the seals included.
    AUDITOR = "auditor"
