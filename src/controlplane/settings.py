"""Settings, read from ``CONTROLPLANE_*`` environment variables and nowhere else.

Every command reads them once, at its start; what is wrong is told by the variable's own name.
"""

import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from controlplane.errors import ConfigurationError
from controlplane.types import Environment, Failover, PostgresMajor, Role

#: Long enough for every prefix in use, short enough that ``{prefix}_analyst`` stays below 63 bytes.
ROLE_PREFIX_PATTERN = r"^[a-z][a-z0-9_]{0,39}$"


def default_data_dir() -> Path:
    """Where the embedded server keeps its data unless told otherwise.

    Root's home is closed to the account that Postgres must run as, so root gets a folder of the system.
    """
    if os.geteuid() == 0:
        return Path("/var/lib/controlplane")
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "controlplane"


class Settings(BaseSettings):
    """All settings, with their defaults; see each field for what it means and its unit."""

    model_config = SettingsConfigDict(env_prefix="CONTROLPLANE_", env_ignore_empty=True, frozen=True)

    database_url: str | None = Field(
        default=None,
        repr=False,
        description="Postgres to use, as a libpq URL. Without it a server is embedded, in DATA_DIR.",
    )
    database_direct_url: str | None = Field(
        default=None,
        repr=False,
        description="The same database without the pooler. Setting it says that DATABASE_URL goes through"
        " a pooler in transaction mode: migrations go this way, prepared statements are off on the other.",
    )
    role_prefix: str = Field(
        default="controlplane",
        pattern=ROLE_PREFIX_PATTERN,
        description="Put before the name of every database role, since roles belong to the whole cluster.",
    )
    environment: Environment = Field(
        default=Environment.TEST,
        description="live or test. Keys say which and are refused elsewhere; only test can move its clock.",
    )
    failover: Failover = Field(
        default=Failover.ASYNCHRONOUS,
        description="synchronous: a promoted replica lost nothing and goes on by itself."
        " asynchronous: it waits for `controlplane recover`.",
    )
    data_dir: Path = Field(
        default_factory=default_data_dir,
        description="Folder of the embedded server: its data, socket and log.",
    )
    postgres_major: PostgresMajor = Field(
        default=18, description="Major version of the embedded server, for a new DATA_DIR."
    )
    postgres_port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="Loopback port of the embedded server, for tools that cannot use a Unix socket."
        " None by default: the socket is enough, and closed to other accounts.",
    )
    # An empty one would be every address of this machine.
    host: str = Field(default="127.0.0.1", min_length=1, description="Address the API listens on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Its port; 0 takes a free one.")
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Origins of browsers that may call the API, separated by commas."
    )
    # More than that Postgres does not take.
    statement_timeout_ms: int = Field(
        default=5_000,
        ge=0,
        le=2_147_483_647,
        description="Milliseconds a statement of the API may take; 0 is no limit.",
    )
    pool_size: int = Field(default=8, ge=1, le=1000, description="Most connections a pool opens.")
    lanes: int = Field(
        default=1,
        ge=1,
        le=64,
        description="Lanes of an API process: each gathers what arrives while its statement is under way,"
        " and uses up to three connections beside the pool and two for keys and live balances.",
    )
    lane_queue: int = Field(
        default=2_000,
        ge=1,
        description="Items that may wait in one lane, one customer's half as many; who comes then is told"
        " when to come again.",
    )
    request_timeout_ms: int = Field(
        default=5_000,
        ge=1,
        le=60_000,
        description="Milliseconds a decision may take where the request does not say (timeoutMs).",
    )
    log_format: str = Field(
        default="auto",
        pattern=r"^(auto|console|json)$",
        description="console, json, or auto: console on a terminal, json elsewhere.",
    )

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _split_origins(cls, value: Any) -> Any:
        """Take ``a,b`` from the environment as two origins."""
        if isinstance(value, str):
            return tuple(origin.strip() for origin in value.split(",") if origin.strip())
        return value

    @field_validator("postgres_major", mode="before")
    @classmethod
    def _number(cls, value: Any) -> Any:
        """A ``Literal`` of integers does not take the string that an environment variable is."""
        return int(value) if isinstance(value, str) and value.isdigit() else value

    @field_validator("database_direct_url")
    @classmethod
    def _beside_the_pooled(cls, value: str | None, info: ValidationInfo) -> str | None:
        """Alone it would be passed over, and a server embedded that nobody asked for."""
        if value is not None and "database_url" in info.data and info.data["database_url"] is None:
            raise PydanticCustomError(
                "alone", "is set without CONTROLPLANE_DATABASE_URL, which is to be the pooler's"
            )
        return value

    @property
    def embedded(self) -> bool:
        """Whether this process brings its own Postgres."""
        return self.database_url is None

    @property
    def behind_pooler(self) -> bool:
        """Whether ``database_url`` leads through a transaction-mode pooler."""
        return self.database_direct_url is not None

    @property
    def migration_url(self) -> str | None:
        """The URL for whatever needs a session of its own: migrations, doctor, listening."""
        return self.database_direct_url or self.database_url

    def role_name(self, role: Role) -> str:
        """Name of a role in this cluster, such as ``controlplane_app``."""
        return f"{self.role_prefix}_{role.value}"


def load_settings() -> Settings:
    """Read the environment.

    Raises:
        ConfigurationError: a variable does not hold what it should; all of them are named at once.
    """
    try:
        return Settings()
    except ValidationError as error:
        lines = [
            f"CONTROLPLANE_{'_'.join(str(part) for part in item['loc']).upper()}: {item['msg']}"
            for item in error.errors()
        ]
        raise ConfigurationError("; ".join(lines)) from error
