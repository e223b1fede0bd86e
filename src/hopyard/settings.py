"""Settings: `hopyard.toml`, then `HOPYARD_*` in the environment (the environment wins).

`Settings` is what a person decides. `Platform` is what `hopyard up` decided from it for one run
(addresses, service tokens): a file of mode 0600 in the data directory that each process reads.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from hopyard import handed
from hopyard.errors import SetupError
from hopyard.hosts import UserHosts

PREFIX = "HOPYARD_"
CONFIG_VARIABLE = "HOPYARD_CONFIG"
"""Where `hopyard.toml` is; without it, the one in the current folder, if there is one."""
# Variables that are no settings but belong to the processes that we start.
NOT_SETTINGS = frozenset({CONFIG_VARIABLE, "HOPYARD_TOKEN", handed.VARIABLE, handed.KEEPER})


def default_data_dir() -> Path:
    """Return the folder for data by the XDG base directory specification."""
    if base := os.environ.get("XDG_DATA_HOME"):
        return Path(base) / "hopyard"
    try:
        return Path.home() / ".local" / "share" / "hopyard"
    except RuntimeError:
        raise SetupError(
            "This user has no home folder: set HOPYARD_DATA_DIR to where the data is to be."
        ) from None


class Limits(BaseModel, extra="forbid"):
    """What a member may ask for; memory in MB."""

    memory_min: int = Field(1024, description="least memory of a driver or an executor")
    memory_max: int = Field(65536, description="most memory of a driver or an executor")
    driver_memory_default: int = Field(2048, description="what the form starts with")
    executor_memory_default: int = Field(4096, description="what the form starts with")
    cores_max: int = Field(64, description="of a driver or an executor")
    executors_max: int = Field(100, description="of one session")
    hours: list[int] = Field([6, 12, 24, 72, 168], description="offered until shutdown")
    hours_default: int = Field(6, description="hours to shutdown that the form starts with")
    driver_extra: int = Field(
        2048, ge=256, description="of a driver beside its driver memory: Python, R, the JVM's own"
    )
    tmp: int = Field(2048, ge=16, description="MB that fit into `/tmp`, and into `/dev/shm`")
    processes: int | None = Field(
        None,
        ge=50,
        description="and threads; 4000 and 100 for each of the machine's cores if empty",
    )
    log: int = Field(
        100,
        ge=4,
        description="MB of a log: of a driver, batch, Jupyter server, or process of the platform",
    )
    disk: int | None = Field(
        None,
        ge=1,
        description="MB of a project, measured now and then; no limit if empty",
    )
    unlimited_hours: bool = Field(False, description="also offer a server without time limit")


class LivySettings(BaseModel, extra="forbid"):
    """The Livy server; times in seconds, sizes in bytes."""

    hold: float = Field(1.0, ge=0, le=60, description="how long a GET waits for news")
    start_timeout: float = Field(300.0, gt=0, description="a session must be idle by then")
    orphan_timeout: float = Field(
        300.0,
        gt=0,
        description="a driver that cannot reach home for this long ends itself, and its session",
    )
    idle_timeout: float = Field(3600.0, gt=0, description="a session without work ends after this")
    warm: bool = Field(
        False, description="a Jupyter server in Spark mode starts a driver before its first cell"
    )
    warm_timeout: float = Field(
        900.0, gt=0, description="a driver that was started beforehand and not used ends after this"
    )
    sessions_per_user: int = Field(10, ge=1, description="at the same time")
    batches_per_user: int = Field(10, ge=1, description="that run at the same time")
    batches_per_project: int = Field(
        100, ge=1, description="that run at the same time, of all its users"
    )
    sessions_per_project: int = Field(100, ge=1, description="at the same time, of all its users")
    statements_waiting: int = Field(200, ge=1, description="per session")
    output_limit: int = Field(10_000_000, ge=1000, description="of one statement, then cut")
    request_limit: int = Field(16_000_000, ge=1000, description="of one request's body")
    driver_url: str | None = Field(
        None,
        pattern="^wss?://.+/$",
        description="`ws://HOST:PORT/` at which drivers reach this server, if another",
    )
    upload_limit: int = Field(500_000_000, ge=1000, description="of one uploaded file")
    impersonators: list[str] = Field([], description="users who may give proxyUser (`*`: all)")
    csrf_protection: bool = Field(False, description="demand the header X-Requested-By")


class GitSettings(BaseModel, extra="forbid"):
    """Git repositories of members."""

    http_hosts: list[str] = Field(
        [], description="hosts that may be reached by http: `host` or `host:port`"
    )
    internal_hosts: list[str] = Field(
        [], description="hosts that may have internal addresses: `host` or `host:port`"
    )
    ca_file: str = Field("", description="certificates to trust; the system's if empty")
    file_most: int = Field(
        100 * 2**20, ge=0, description="bytes of an untracked file that a rescue keeps"
    )
    timeout: float = Field(600.0, gt=0, description="seconds that one job may take")
    copies_dir: Path | None = Field(
        None, description="working copies; `repositories` in the data directory by default"
    )
    durable: bool = Field(
        True, description="whether their disk outlasts the machine; else they are saved elsewhere"
    )
    snapshot_minutes: float = Field(
        5.0, gt=0, description="between two saves of a working copy whose disk is not durable"
    )

    def rules(self) -> dict[str, Any]:
        """Return what the engine is told of it (`protocol.git.Rules`)."""
        known = {"http_hosts", "internal_hosts", "ca_file", "file_most"}
        return self.model_dump(include=known)


class Settings(BaseSettings):
    """What a person decides about one Hopyard."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", toml_file="hopyard.toml"
    )

    host: str = Field("127.0.0.1", description="address that the platform listens on")
    port: int = Field(8000, ge=1, le=65535, description="port that the platform listens on")
    public_url: str | None = Field(None, description="address that browsers use, if another")
    user_host: str | None = Field(
        None,
        pattern=r"^(same|(\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?)$",
        description="host of members' Jupyter servers: `*.NAME` (one each; `*.` and the "
        "platform's own by default), `NAME` (one for all) or `same`",
    )
    data_dir: Path = Field(default_factory=default_data_dir, description="data, keys and logs")
    database_url: str | None = Field(None, description="SQLAlchemy URL; SQLite by default")
    isolation: Literal["sandbox", "none"] = Field(
        "sandbox", description="how Jupyter servers and drivers are kept apart on one machine"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="how much the platform's own processes log"
    )
    authenticator: str = Field(
        "native", description="'native', or any JupyterHub authenticator: entry point or class"
    )
    hub_config: Path | None = Field(None, description="a jupyterhub_config.py applied after ours")
    admin: str = Field("admin", description="the first administrator's name")
    admin_password: SecretStr | None = Field(
        None, description="makes the first administrator without the one-time link"
    )
    spark_master: str = Field("local[*]", description="where Spark applications run")
    spark_conf: dict[str, str] = Field({}, description="Spark properties of every session")
    secrets_key_file: Path | None = Field(
        None, description="the keys of secrets; `keys/secrets` in the data directory by default"
    )
    secrets_key_command: list[str] | None = Field(
        None, description="a command that prints the keys of secrets instead, with its arguments"
    )
    hub_url: str | None = Field(None, description="a JupyterHub elsewhere (not for `up`)")
    limits: Limits = Limits()
    livy: LivySettings = LivySettings()
    git: GitSettings = GitSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: arguments, environment, file."""
        file = Path(os.environ.get(CONFIG_VARIABLE, "hopyard.toml"))
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, file)

    @property
    def database(self) -> str:
        """The SQLAlchemy URL of the platform's own tables (asynchronous driver)."""
        if self.database_url is None:
            return f"sqlite+aiosqlite:///{self.data_dir / 'hopyard.sqlite'}"
        for plain in ("postgresql://", "postgres://"):
            if self.database_url.startswith(plain):
                return "postgresql+psycopg://" + self.database_url.removeprefix(plain)
        return self.database_url

    @property
    def secrets_key_path(self) -> Path:
        """The file with the keys of secrets."""
        return self.secrets_key_file or self.data_dir / "keys" / "secrets"

    @property
    def platform_file(self) -> Path:
        """Where `Platform` is written down."""
        return self.data_dir / "run" / "platform.json"

    @property
    def projects_dir(self) -> Path:
        """The folder that has one folder a project, with its datasets in it."""
        return self.data_dir / "projects"

    @property
    def copies_dir(self) -> Path:
        """The folder of Git working copies: `USER/PROJECT/COPY`."""
        return self.git.copies_dir or self.data_dir / "repositories"

    @property
    def saves_dir(self) -> Path:
        """The folder of saves of working copies whose disk is not durable."""
        return self.data_dir / "saves"

    @property
    def logs_dir(self) -> Path:
        """The folder of all logs: `platform/NAME.log`, `projects/PROJECT/USER/…`."""
        return self.data_dir / "logs"

    def user_logs(self, project: str, user: str) -> Path:
        """The folder of one member's logs in a project.

        In it: `jupyter/RUN.log` and `sessions/ID/driver.log`.
        """
        return self.logs_dir / "projects" / project / folder_of(user)


def folders_of(settings: Settings, project: str) -> list[Path]:
    """Return the folders that count as a project's: its files, homes and working copies."""
    found = [settings.projects_dir / project]
    for place in (settings.data_dir / "homes", settings.copies_dir, settings.saves_dir):
        found += sorted(place.glob(f"*/{project}"))
    return found


def folder_of(user: str) -> str:
    """Return a user's name as the name of one folder, reversible and safe on any file system."""
    from urllib.parse import quote

    return quote(user, safe="@+=").replace(".", "%2E")


def load(**arguments: Any) -> Settings:
    """Read the settings.

    Raises:
        SetupError: a setting is unknown or out of range; one sentence a fault.
    """
    known = set(Settings.model_fields)
    for variable in os.environ:
        name = variable.removeprefix(PREFIX).split("__")[0].lower()
        if variable.startswith(PREFIX) and variable not in NOT_SETTINGS and name not in known:
            raise SetupError(
                f"Unknown setting {variable} in the environment. Known: {', '.join(sorted(known))}."
            )
    try:
        return Settings(**arguments)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc']))}: "
            + (
                f"is not a setting (known: {', '.join(sorted(known))})"
                if fault["type"] == "extra_forbidden"
                else fault["msg"]
            )
            for fault in error.errors(include_input=False)
        )
        raise SetupError(f"A setting is wrong: {faults}.") from None
    except tomllib.TOMLDecodeError as error:
        raise SetupError(f"hopyard.toml cannot be read: {error}.") from None


class Platform(BaseModel):
    """What `hopyard up` decided for its processes; kept, so that a restart finds its children."""

    public_url: str
    """Address for browsers, ends with a slash."""
    user_hosts: str = ""
    """Where members' Jupyter servers are: the pattern of `hosts`."""
    proxy_api_url: str
    hub_url: str
    """Address of the Hub inside the platform, without `/hub`: `http://127.0.0.1:PORT/`."""
    web_url: str
    """Ends with a slash, as the next."""
    livy_url: str
    proxy_token: SecretStr
    web_token: SecretStr
    """The Hub API token (and OAuth client secret) of the service `web`."""
    livy_token: SecretStr
    """The Hub API token of the service `livy`."""
    cli_token: SecretStr
    """The Hub API token of `hopyard check` and `hopyard users`."""
    cookie_secret: SecretStr

    @property
    def hosts(self) -> UserHosts:
        """Where members' Jupyter servers are found."""
        return UserHosts(self.user_hosts)

    @property
    def hub_api_url(self) -> str:
        """The Hub's REST API, ends with a slash."""
        return self.hub_url + "hub/api/"

    def livy_project_url(self, project: str) -> str:
        """The base address that a Livy client uses for a project, inside the platform."""
        return f"{self.livy_url}livy/projects/{project}"

    @classmethod
    def read(cls, settings: Settings) -> Platform:
        """Read what `hopyard up` decided.

        Raises:
            SetupError: no platform was ever started with this data directory.
        """
        try:
            return cls.model_validate_json(settings.platform_file.read_text())
        except FileNotFoundError:
            raise SetupError(
                f"No platform was started with the data directory {settings.data_dir}: "
                "start one with `hopyard up`, or set HOPYARD_DATA_DIR."
            ) from None
        except ValidationError:
            raise SetupError(f"{settings.platform_file} is damaged: delete it.") from None

    def write(self, settings: Settings) -> None:
        """Write this down for the processes of the platform, readable by their user only."""
        file = settings.platform_file
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shown = {
            name: value.get_secret_value() if isinstance(value, SecretStr) else value
            for name, value in self
        }
        import json

        part = file.with_suffix(".part")
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            json.dump(shown, stream, indent=1)
        part.replace(file)
