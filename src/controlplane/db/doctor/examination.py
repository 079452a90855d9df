"""The order of the checks, and when it makes no sense to go on."""

from collections.abc import Callable, Iterable, Sequence

import psycopg

from controlplane.db.doctor import drift, schema, server
from controlplane.db.doctor.findings import Finding, Level, Patient
from controlplane.db.local import Place, is_there, open_place
from controlplane.db.sessions import open_session
from controlplane.db.urls import shown_url
from controlplane.errors import ControlplaneError
from controlplane.settings import Settings

_Check = Callable[[Patient], Iterable[Finding]]

#: Without these the others would only repeat that it does not work.
_FIRST: Sequence[_Check] = (server.check_version, server.check_pooling)

_SERVER: Sequence[_Check] = (
    server.check_primary,
    server.check_durability,
    server.check_defaults,
    server.check_clock,
    server.check_transactions,
)
_SCHEMA: Sequence[_Check] = (
    schema.check_roles,
    schema.check_schema,
    schema.check_queues,
    schema.check_grants,
    schema.check_partitions,
    schema.check_incarnation,
)

_DRIFT: Sequence[_Check] = (drift.check_tables, drift.check_functions)


def examine(settings: Settings) -> list[Finding]:
    """Look at the database of the settings; changes nothing.

    An embedded server that does not run is started for as long as this takes, but only if there is one.
    """
    if not is_there(settings):
        says = f"no database in {settings.data_dir} yet"
        return [Finding("connection", Level.FAIL, says, "run `controlplane up`")]
    try:
        with open_place(settings, share=True) as place:
            return _examine(settings, place)
    except ControlplaneError as error:
        return [Finding("connection", Level.FAIL, error.message, error.hint)]


def _examine(settings: Settings, place: Place) -> list[Finding]:
    findings = []
    with open_session(place.url, name="controlplane doctor") as session:
        patient = Patient(session, settings, place.url)
        findings.append(Finding("connection", Level.OK, shown_url(place.url)))
        findings += _run(_FIRST, patient)
        if any(finding.level is Level.FAIL for finding in findings):
            return findings
        findings += _run(_SERVER, patient)
        if not session.closed:
            findings += _run(_SCHEMA, patient)
        if any(finding.check == "schema" and finding.level is Level.OK for finding in findings):
            findings += _run(_DRIFT, patient)
        if settings.embedded and any(
            found.check == "roles" and found.level is Level.OK for found in findings
        ):
            findings += _run([server.check_login], patient)
        if settings.behind_pooler and not session.closed:
            findings += server.check_pooled_url(patient)
    return findings


def _run(checks: Sequence[_Check], patient: Patient) -> list[Finding]:
    findings: list[Finding] = []
    for check in checks:
        name = check.__name__.removeprefix("check_")
        try:
            findings += check(patient)
        except psycopg.errors.InsufficientPrivilege as error:
            says = f"not checked: {error.diag.message_primary}"
            findings.append(Finding(name, Level.WARN, says, "run doctor with the login that migrates"))
        except ControlplaneError as error:
            findings.append(Finding(name, Level.FAIL, error.message, error.hint))
        except psycopg.Error as error:
            lost = patient.session.closed
            findings.append(Finding(name, Level.FAIL, f"not checked: {_words(error)}", _cure(error)))
            if lost:
                return findings
    return findings


def _words(error: psycopg.Error) -> str:
    return error.diag.message_primary or str(error).strip() or "the connection was lost"


def _cure(error: psycopg.Error) -> str:
    """Settings of the login or the database end what takes longer; else something of ours is not there."""
    if isinstance(error, psycopg.OperationalError):
        return "look at the settings of this login and database (\\drds in psql), and at the server's log"
    return "run `controlplane migrate --reapply`, and doctor again"
