"""Every setting, its environment variable, its embedded default.

Settings come from the environment (prefix `CHIMERA_`) or from a `.env` file in the working
directory; the environment wins. With none set, everything lives under `.chimera` in the working
directory: the lake, an embedded PostgreSQL, Dagster's own storage.
"""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from chimera_assets.errors import SettingError
from chimera_assets.hours import floor_hour, moment_of
from chimera_assets.settings.database_urls import UNSHOWN, require_postgres_url
from chimera_assets.settings.home import make_home
from chimera_assets.settings.paths import folder_of

#: A place in S3, by the name of its bucket; and anything that means to be a URI.
_S3 = re.compile(r"s3://[A-Za-z0-9._-]+(/|\Z)")
_WITH_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
#: User, password and host without one; a folder of such a name can be written `./u:x@y`.
_WITH_PASSWORD = re.compile(r"[^/]*:.*@", re.DOTALL)

PREFIX = "CHIMERA_"
ENV_FILE = ".env"

#: The settings whose values may hold a password or a token, and are never shown or recorded.
SECRETS = frozenset(
    {
        "source_database_url",
        "database_url",
        "database_owner_url",
        "timestamp_url",
        "pushgateway_url",
        "notify_urls",
    }
)

#: What CHIMERA_REPORTS may name.
REPORT_KINDS = ("daily", "weekly", "monthly")


class Settings(BaseSettings):
    """The settings of one process; read once by `get_settings`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=ENV_FILE, env_ignore_empty=True, extra="ignore", frozen=True
    )

    home: Path = Field(
        default=Path(".chimera"),
        description="Folder of everything that is kept on this machine.",
    )
    lake_uri: str = Field(
        default="",
        description="Where the Delta tables live: a folder or s3://bucket/prefix. "
        "Default: the folder `lake` in CHIMERA_HOME.",
    )
    landing_uri: str = Field(
        default="",
        description="Where files are dropped, in a folder for each stream: a folder or "
        "s3://bucket/prefix. Default: the folder `landing` in CHIMERA_HOME.",
    )
    landing_max_rows: int = Field(
        default=50_000_000,
        ge=1,
        description="Rows that one landing file may have (in text files lines, blank ones too); "
        "one with more is a corrupt file.",
    )
    landing_max_unpacked_mib: int = Field(
        default=16_384,
        ge=1,
        description="MiB that one compressed landing file may unpack to; one that unpacks to more "
        "is a corrupt file.",
    )
    start: datetime = Field(
        default=datetime(2023, 1, 1, tzinfo=UTC),
        description="First hour of the partitions, ISO 8601, UTC. "
        "Default: the first that has data, since 2023.",
    )
    source_database_url: str | None = Field(
        default=None,
        repr=False,
        description="PostgreSQL URL of the operational database. "
        "Default: database `operational` of the embedded server.",
    )
    database_url: str | None = Field(
        default=None,
        repr=False,
        description="PostgreSQL URL of the platform's own database. "
        "Default: database `chimera` of the embedded server.",
    )
    database_owner_url: str | None = Field(
        default=None,
        repr=False,
        description="PostgreSQL URL of the same database for the login that owns its tables, used "
        "for migrations alone. Default: CHIMERA_DATABASE_URL does both.",
    )
    postgres_dir: Path = Field(
        default=Path("/var/lib/chimera-assets"),
        description="Folder for the data of the embedded PostgreSQL where root runs it, as "
        "CHIMERA_HOME is closed to the account that it lends it to.",
    )
    contracts: Path | None = Field(
        default=None,
        description="Folder with own contracts (*.odcs.yaml), beside those of the packs or, by "
        "the name of a stream, in place of them.",
    )
    packs: str = Field(
        default="ai",
        description="Names of the packs that are used, separated by commas.",
    )
    packs_dir: str = Field(
        default="",
        description="Folders that hold own packs, each in a folder of its own, separated by commas "
        "or as PATH is; relative to the working directory.",
    )
    streams: str = Field(
        default="",
        description="Names of the streams that run, separated by commas. "
        "Default: all that the packs and CHIMERA_CONTRACTS describe.",
    )
    adapters: str = Field(
        default="",
        description="Names of adapters of the packs, separated by commas: what streams are read "
        "from instead, `litellm` for instance. Default: as their contracts say.",
    )
    signing_key: str = Field(
        default="",
        description="File with the keys that sign the audit log's checkpoints and the reports, or "
        "`env:NAME` for a variable that holds them. Default: keys/signing.key in CHIMERA_HOME.",
    )
    witness_policy: Path | None = Field(
        default=None,
        description="File that says which witnesses sign the audit log's checkpoints, and how many "
        "have to (c2sp.org/tlog-policy). Default: nobody is asked.",
    )
    timestamp_url: str | None = Field(
        default=None,
        repr=False,
        pattern="^https?://",
        description="URL of a timestamp authority (RFC 3161) that is asked for the time of a "
        "checkpoint, at most once an hour.",
    )
    reports: str = Field(
        default="weekly",
        description="Which reports are built by themselves, names separated by commas: `daily`, "
        "`weekly`, `monthly`.",
    )
    report_grace_hours: float = Field(
        default=24,
        ge=0,
        le=8_760,
        description="Hours after a period's end for which its report waits for hours that are not "
        "published; then it is built, and names them.",
    )
    settle_minutes: int = Field(
        default=5,
        ge=0,
        le=55,
        description="Minutes the hourly schedule waits after an hour's end before it runs it.",
    )
    executor: Literal["in_process", "multiprocess"] = Field(
        default="in_process",
        description="How a run executes its steps: `in_process` or `multiprocess`.",
    )
    pushgateway_url: str | None = Field(
        default=None,
        repr=False,
        pattern="^https?://",
        description="The URL of a Prometheus pushgateway, http://host:9091 for instance.",
    )
    retry_seconds: float = Field(
        default=5,
        ge=0,
        le=600,
        description="Seconds before a step is retried after a transient fault; about "
        "twice as long before each further retry, three in all.",
    )
    notify_urls: str = Field(
        default="",
        repr=False,
        description="Apprise URLs that get alerts, separated by spaces or commas.",
    )
    notify_success: bool = Field(
        default=False, description="Whether they get a message of every successful run, too."
    )
    sla_minutes: float = Field(
        default=10,
        gt=0,
        le=525_600,
        description="Minutes after which a run is reported as slow.",
    )
    ui_url: str = Field(
        default="",
        description="Address of the Dagster pages, for links in notifications; an http URL.",
    )

    @field_validator("home", "postgres_dir", "contracts", "witness_policy")
    @classmethod
    def _absolute(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        # Dagster and dbt run parts of us in other working directories.
        return folder_of(_variable(info), value) if value is not None else None

    @field_validator("packs_dir")
    @classmethod
    def _absolute_folders(cls, value: str, info: ValidationInfo) -> str:
        given = re.split(f"[,{re.escape(os.pathsep)}]", value)
        folders = (folder_of(_variable(info), part.strip()) for part in given if part.strip())
        return os.pathsep.join(dict.fromkeys(map(str, folders)))

    @field_validator("start", mode="before")
    @classmethod
    def _written_as_elsewhere(cls, value: object) -> object:
        return moment_of(value) if isinstance(value, str) else value

    @field_validator("start")
    @classmethod
    def _whole_utc_hour(cls, value: datetime) -> datetime:
        return floor_hour(
            value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        )

    @field_validator("source_database_url", "database_url", "database_owner_url")
    @classmethod
    def _of_postgres(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None:
            require_postgres_url(_variable(info), value)
        return value

    @field_validator("notify_urls")
    @classmethod
    def _understood_by_apprise(cls, value: str) -> str:
        urls = split_urls(value)
        if not urls:
            return value
        from apprise import Apprise  # noqa: PLC0415 - a second, for those who use it

        for number, url in enumerate(urls, 1):
            if Apprise.instantiate(url) is None:
                # Such URLs hold tokens and passwords: what is shown ends at the scheme.
                shown = f"{url.partition('://')[0]}://..." if "://" in url else "without a scheme"
                raise SettingError(
                    "CHIMERA_NOTIFY_URLS",
                    expected="Apprise URLs, parted by spaces or commas",
                    found=f"number {number} of {len(urls)}, {shown}, which Apprise cannot read",
                )
        return value

    @field_validator("reports")
    @classmethod
    def _kinds_of_reports(cls, value: str) -> str:
        for name in _names(value):
            if name not in REPORT_KINDS:
                expected = f"names of {', '.join(REPORT_KINDS)}, separated by commas"
                raise SettingError("CHIMERA_REPORTS", expected=expected, found=name)
        return value

    @field_validator("ui_url")
    @classmethod
    def _web_address(cls, value: str) -> str:
        if value and not re.match(r"https?://[^/\s]", value):
            raise SettingError("CHIMERA_UI_URL", expected="an http or https URL", found=value)
        if "@" in value.partition("?")[0]:  # it stands in messages and on pages
            expected = "an http or https URL without user and password"
            raise SettingError("CHIMERA_UI_URL", expected=expected, found=UNSHOWN)
        return value.rstrip("/")

    def home_folder(self, *names: str) -> Path:
        """A folder in CHIMERA_HOME, made if it is missing, closed to other users.

        Raises:
            SettingError: The home or the folder cannot be made.
        """
        folder = self.home.joinpath(*names)
        try:
            make_home(self.home)
            self.home.joinpath(*names[:1]).mkdir(mode=0o750, exist_ok=True)
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SettingError(
                "CHIMERA_HOME",
                expected="a folder that can be written",
                found=f"{error.filename or folder}: {error.strerror}",
            ) from None
        return folder

    @cached_property
    def pack_names(self) -> tuple[str, ...]:
        """The names in CHIMERA_PACKS."""
        return _names(self.packs)

    @cached_property
    def adapter_names(self) -> tuple[str, ...]:
        """The names in CHIMERA_ADAPTERS; none means that streams come as their contracts say."""
        return _names(self.adapters)

    @cached_property
    def pack_folders(self) -> tuple[Path, ...]:
        """The folders in CHIMERA_PACKS_DIR, absolute."""
        return tuple(Path(part) for part in self.packs_dir.split(os.pathsep) if part)

    @cached_property
    def stream_names(self) -> tuple[str, ...]:
        """The names in CHIMERA_STREAMS; none means all."""
        return _names(self.streams)

    @cached_property
    def report_kinds(self) -> tuple[str, ...]:
        """The names in CHIMERA_REPORTS."""
        return _names(self.reports)

    @cached_property
    def notify_destinations(self) -> tuple[str, ...]:
        """The Apprise URLs of CHIMERA_NOTIFY_URLS."""
        return split_urls(self.notify_urls)

    @cached_property
    def resolved_lake_uri(self) -> str:
        """The lake's root: an `s3://` URI or the absolute path of a folder, no slash at the end.

        Raises:
            SettingError: The path is a file, or the URI has a scheme that is not supported.
        """
        return self._place("CHIMERA_LAKE_URI", self.lake_uri, self.home / "lake")

    @cached_property
    def resolved_landing_uri(self) -> str:
        """The root of the landing files, in the same form.

        Raises:
            SettingError: The path is a file, or the URI has a scheme that is not supported.
        """
        return self._place("CHIMERA_LANDING_URI", self.landing_uri, self.home / "landing")

    @staticmethod
    def _place(setting: str, given: str, default: Path) -> str:
        if _S3.match(given):
            return given.rstrip("/")
        if _WITH_PASSWORD.match(given) and not _WITH_SCHEME.match(given):
            found = f"{UNSHOWN} (a URL without its scheme?)"
            raise SettingError(setting, expected="a folder or s3://bucket/prefix", found=found)
        if _WITH_SCHEME.match(given):
            found = given
            if "@" in given:  # its parts cannot be told apart, and one may be a secret key
                found = f"one that begins with {given.partition(':')[0]}: and is not shown"
            raise SettingError(setting, expected="a folder or s3://bucket/prefix", found=found)
        path = folder_of(setting, given) if given else default
        if path.exists() and not path.is_dir():
            raise SettingError(setting, expected="a folder", found=f"the file {path}")
        return str(path)


def _names(value: str) -> tuple[str, ...]:
    parts = (part.strip() for part in value.split(","))
    return tuple(dict.fromkeys(part for part in parts if part))


def split_urls(value: str) -> tuple[str, ...]:
    """The URLs in a list parted by spaces or commas; a comma within a URL stays in it."""
    parts = re.split(r"\s+|\s*,\s*(?=[\w+.-]+://)", value)
    found = (part.strip(",") for part in parts)
    return tuple(dict.fromkeys(url for url in found if url))


def _variable(info: ValidationInfo) -> str:
    return PREFIX + (info.field_name or "").upper()
