"""What an examination finds."""

from dataclasses import dataclass
from enum import StrEnum

from controlplane.db.sessions import Session
from controlplane.settings import Settings


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    #: Works, but somebody should look at it.
    WARN = "warn"
    #: Does not work, or not safely.
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report.

    Attributes:
        check: what was looked at, one word, stable.
        level: how bad it is.
        says: what was seen.
        mend: what to do about it; None if nothing is to be done.
    """

    check: str
    level: Level
    says: str
    mend: str | None = None


@dataclass(frozen=True, slots=True)
class Patient:
    """What the checks look at: a direct session as the login, and the settings."""

    session: Session
    settings: Settings
    url: str

    @property
    def is_live(self) -> bool:
        """Whether real credits are decided here, so that a lost commit is a loss."""
        return self.settings.environment.value == "live"
