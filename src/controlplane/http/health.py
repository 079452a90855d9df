"""``/healthz``: the process lives. ``/readyz``: it can decide, and if not, why."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

import controlplane
from controlplane.db.plan import release
from controlplane.db.pool import Database
from controlplane.db.reading import read_installation
from controlplane.db.schema_state import NO_SCHEMA
from controlplane.errors import DatabaseError
from controlplane.types import Environment


async def healthz(request: Request) -> Response:
    """Asks nobody: a process without its database must not be killed for it."""
    return PlainTextResponse("ok\n")


def readyz(database: Database, environment: Environment) -> Callable[[Request], Awaitable[Response]]:
    """Asks the database what it is."""

    async def answer(request: Request) -> Response:
        problem = await _problem(database, environment)
        if problem is None:
            return JSONResponse({"ready": True})
        code, message = problem
        return JSONResponse({"ready": False, "code": code, "message": message}, status_code=503)

    return answer


async def _problem(database: Database, environment: Environment) -> tuple[str, str] | None:
    try:
        found = await read_installation(database)
    except DatabaseError as error:
        if error.sqlstate in NO_SCHEMA:
            return "SCHEMA_MISSING", "there is no schema here yet; run `controlplane migrate`"
        if error.sqlstate == "42501":
            return error.code, "this login lacks rights; `controlplane doctor` says which"
        return error.code, "the database cannot be asked"
    if found["environment"] != environment.value:
        return (
            "WRONG_ENVIRONMENT",
            f"this database is {found['environment']}, this server {environment.value}",
        )
    if _parts(found["minCodeVersion"]) > _parts(release(controlplane.__version__)):
        return "CODE_TOO_OLD", f"the schema needs version {found['minCodeVersion']} or newer"
    if found["needsRecovery"]:
        return "RECOVERY_NEEDED", "the database was restored or has failed over; run `controlplane recover`"
    return None


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
