"""Settings: one table of name, default and help; read from a file, the environment and flags.

The dataclasses below *are* the table: `settings_table()` lists them for the docs, and every
reader (TOML, environment, flags) goes through it. Knows nothing of what the settings are for.
"""

from __future__ import annotations

import dataclasses
import math
import re
import tomllib
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from otel_analytics.errors import InvalidName, InvalidSettings
from otel_analytics.names import S3Address, parse_date

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "ENGINES",
    "ENVIRONMENT_PREFIX",
    "SETTINGS_FILE",
    "SOURCES",
    "Activity",
    "Athena",
    "Aws",
    "Budget",
    "Checks",
    "Concurrency",
    "Events",
    "Keys",
    "Prices",
    "Publish",
    "Setting",
    "Settings",
    "Source",
    "Trino",
    "load_settings",
    "parse_size",
    "settings_table",
]

_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,254}")
_WORK_GROUP = re.compile(r"[A-Za-z0-9._-]{1,128}")
_SIZE = re.compile(
    r"(?P<number>[0-9]{1,18}(\.[0-9]{1,9})?) ?(?P<unit>[KMGTP]?)(?P<binary>i?)B?", re.IGNORECASE
)

# Where commands work.
ENGINES = ("duckdb", "trino", "aws")
# What tables can be built from.
SOURCES = ("activity", "raw")
# https://docs.aws.amazon.com/athena/latest/ug/ctas-insert-into.html
_MAX_DAYS_PER_QUERY = 100
_MAX_CONCURRENCY = 40  # of a Map state
_MAX_SERVICES = 100
_MAX_PORT = 65_535
_STORAGE = re.compile(r"[a-z][a-z0-9]*://([A-Za-z0-9!_.()=/-]*/)?")
_SESSION_PROPERTY = re.compile(r"[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?=[^\x00-\x1f\x7f]*")

SETTINGS_FILE = "otel-analytics.toml"
ENVIRONMENT_PREFIX = "OTEL_ANALYTICS_"
# Settings that have an option of their own.
_OPTIONS: Final = {
    "home": "--home", "engine": "--engine", "aws.region": "--region", "aws.profile": "--profile",
}  # fmt: skip
_FOLDERS: Final = ("home", "checks.folder", "trino.ca_file")


def _setting(default: Any, description: str) -> Any:
    return field(default=default, metadata={"help": description})


@dataclass(frozen=True, slots=True)
class Keys:
    """Which attributes say who and in which session; the first non-empty one counts."""

    user: tuple[str, ...] = _setting(
        ("userKey", "user.id", "enduser.id"), "Attributes that hold the user."
    )
    session: tuple[str, ...] = _setting(
        ("sessionId", "session.id"), "Attributes that hold the session."
    )


@dataclass(frozen=True, slots=True)
class Events:
    """Which event names mean what; an empty list means every event."""

    active: tuple[str, ...] = _setting((), "Events that make a user active; empty: every event.")
    session_start: tuple[str, ...] = _setting(
        (), "Events that start a session; empty: every event."
    )
    product_view: tuple[str, ...] = _setting(
        ("commerce.product.view",), "Events that view a product."
    )
    cart_add: tuple[str, ...] = _setting(("commerce.cart.add",), "Events that add to the cart.")
    max_names: int = _setting(
        1000, "Event names kept apart in event_distribution; the rest is `(other)`."
    )


@dataclass(frozen=True, slots=True)
class Source:
    """Where the raw events are, as SQL expressions in Athena's dialect over that table."""

    read: str = _setting(
        "activity",
        "What the tables are built from: `activity`, which is kept up to date from the raw logs, "
        "or `raw`, the raw logs themselves.",
    )
    table: str = _setting("logall", "The table of raw log records.")
    service_name: str = _setting("service_name", "SQL expression of the service's name.")
    timestamp: str = _setting("timestamp", "SQL expression of the event's time, a UTC TIMESTAMP.")
    event_name: str = _setting("event_name", "SQL expression of the event's name.")
    user_key: str = _setting("user_key", "SQL expression of the user.")
    session_id: str = _setting("session_id", "SQL expression of the session.")
    partitions: tuple[str, ...] = _setting(
        ("year", "month", "day"),
        "The table's zero-padded year, month and day partition columns; empty: it has none.",
    )
    partition_slack_days: int = _setting(
        0,
        "Days by which a partition may differ from the event's UTC date (0: it is that date; "
        "1 or more for tables partitioned by arrival).",
    )
    partition_is_event_date: bool = _setting(
        True,
        "Whether a partition of `logall` is the event's UTC date exactly, as `ingest` writes it; "
        "false for a table of that name partitioned by arrival.",
    )


@dataclass(frozen=True, slots=True)
class Athena:
    """Names and addresses that the state machine and its queries use."""

    database: str = _setting("log_db", "The database of the lake and of the published tables.")
    s3_base: str = _setting("s3://otel-analytics/summary", "Where the tables' data lie.")
    output_location: str = _setting(
        "s3://otel-analytics/athena-results", "Where Athena puts query results."
    )
    workgroup: str = _setting("primary", "The Athena work group.")
    query_builder_function: str = _setting(
        "athena-query-builder", "Name or ARN of the query builder Lambda."
    )
    checks_builder_function: str = _setting(
        "athena-checks-builder", "Name or ARN of the Lambda that builds the query of the checks."
    )
    table_publisher_function: str = _setting(
        "athena-table-publisher", "Name or ARN of the Lambda that publishes a service's tables."
    )
    activity_refresher_function: str = _setting(
        "athena-activity-refresher", "Name or ARN of the Lambda that refreshes the activity tables."
    )


@dataclass(frozen=True, slots=True)
class Activity:
    """How the activity tables are refreshed."""

    concurrency: int = _setting(
        2, "Queries of a refresh under way at once, of such as need nothing of each other."
    )
    days_per_query: int = _setting(
        10,
        "Days of raw logs that one query of a refresh may read; fewer need less memory, more cost "
        "fewer queries. At most 100, which is how many partitions a query of Athena's writes.",
    )
    raw_mb_per_query: int = _setting(
        10,
        "Megabytes of raw files that one query of a refresh may read; a day that has more is a "
        "query by itself. DuckDB builds large days faster one by one; on Athena and Trino, more "
        "cost fewer queries.",
    )


@dataclass(frozen=True, slots=True)
class Checks:
    """What the tables must keep to be published, beside the checks that are built in."""

    folder: str = _setting("", "A folder of `.sql` files with checks of your own; empty: none.")
    max_row_count_drop: int = _setting(
        50, "Percent by which a table may shrink from one publication to the next without warning."
    )
    accepted_gaps: tuple[str, ...] = _setting(
        (), "Days (YYYY-MM-DD) that are known to have no raw data of any service: no gap, then."
    )


@dataclass(frozen=True, slots=True)
class Publish:
    """How long the data of past publications are kept."""

    keep_versions: int = _setting(
        1, "Versions of a table that are kept after the published one, for readers under way."
    )
    history_days: int = _setting(
        400, "Days of execution dates that the history tables reach back; 0: without end."
    )


@dataclass(frozen=True, slots=True)
class Prices:
    """What AWS asks for what is used, by which cost is estimated; defaults are of us-east-1."""

    athena_usd_per_tb: float = _setting(
        5.0,
        "USD for 10¹² bytes that Athena bills; July 2026, https://aws.amazon.com/athena/pricing/.",
    )
    step_functions_usd_per_1000_transitions: float = _setting(
        0.025,
        "USD for 1,000 state transitions of a standard workflow; March 2026, "
        "https://aws.amazon.com/step-functions/pricing/.",
    )
    lambda_usd_per_million_requests: float = _setting(
        0.2, "USD for a million calls; March 2026, https://aws.amazon.com/lambda/pricing/."
    )
    lambda_usd_per_million_gb_seconds: float = _setting(
        13.3334,
        "USD for a million GB-seconds on arm64; March 2026, "
        "https://aws.amazon.com/lambda/pricing/.",
    )
    lambda_gb_seconds_per_call: float = _setting(
        0.5, "GB-seconds that a call is taken to last: a second with 512 MB. An assumption."
    )


@dataclass(frozen=True, slots=True)
class Budget:
    """What a run may use; it is refused beforehand if it would use more."""

    max_scan: int | None = _setting(
        None,
        "Bytes that one execution may scan, as 10GB, 500MB or 1TiB; empty: no limit.",
    )


@dataclass(frozen=True, slots=True)
class Concurrency:
    """How much of an account's limits an execution uses.

    Source: https://docs.aws.amazon.com/athena/latest/ug/service-limits.html
    """

    services: int = _setting(1, "Services built at once; 1 to 40, as the two limits below allow.")
    max_dml_queries: int = _setting(
        25,
        "The account's quota of active DML queries of Athena (SELECT, CREATE TABLE AS), running "
        "and queued; see Service Quotas for yours.",
    )
    max_ddl_queries: int = _setting(
        20, "The account's quota of active DDL queries of Athena (DROP TABLE), likewise."
    )
    services_per_execution: int = _setting(
        50,
        "Services that one execution builds; of more, it starts further executions, each for so "
        "many. At most 100, by Step Functions' limits of a history and of a state's data.",
    )


@dataclass(frozen=True, slots=True)
class Aws:
    """Which account `--engine aws` works in; empty: as every AWS tool finds it."""

    region: str = _setting("", "The region; empty: AWS_REGION, AWS_DEFAULT_REGION or the profile.")
    profile: str = _setting("", "The profile of ~/.aws; empty: AWS_PROFILE, or the default one.")
    state_machine: str = _setting(
        "otel-analytics-pipeline", "Name or ARN of the deployed state machine."
    )


@dataclass(frozen=True, slots=True)
class Trino:
    """The Trino cluster that `--engine trino` asks. Secrets are in the environment alone."""

    host: str = _setting("localhost", "The coordinator's host name.")
    port: int = _setting(8080, "The coordinator's port.")
    scheme: str = _setting("http", "`http`, or `https`, which a password or a token needs.")
    verify: bool = _setting(True, "Whether the coordinator must show a certificate that is valid.")
    ca_file: str = _setting(
        "", "A file of certificates to check it by; empty: those that are known here."
    )
    user: str = _setting("otel-analytics", "The user in whose name queries run.")
    catalog: str = _setting("hive", "The catalog; its connector must be Hive's.")
    schema: str = _setting(
        "", "The schema for the views of one home's tables; empty: the name of the database."
    )
    storage: str = _setting(
        "s3://",
        "What stands before bucket and key where Trino reads and writes what lies in the home's "
        "folder s3, as s3:// or local:///home/s3/.",
    )
    session: tuple[str, ...] = _setting(
        (),
        "Session properties, as query_max_run_time=30m or hive.projection_pushdown_enabled=true.",
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of one run, checked."""

    home: str = _setting(".otel-analytics", "The folder that stands for S3 and Glue on a laptop.")
    lake: str = _setting("s3://otel-analytics/lake", "Where `logall` and its quarantine lie.")
    timezone: str = _setting("UTC", "The reporting time zone, as in the IANA database.")
    min_data_date: date | None = _setting(
        None, "Cuts every window from below (YYYY-MM-DD); also read from MIN_DATA_DATE."
    )
    engine: str = _setting(
        "duckdb",
        "Where commands work: `duckdb`, on this machine; `trino`, here, but the queries on a "
        "cluster; `aws`, in an account.",
    )
    memory_limit: str = _setting("2GB", "Memory that DuckDB may use before it spills to disk.")
    keys: Keys = field(default_factory=Keys)
    events: Events = field(default_factory=Events)
    source: Source = field(default_factory=Source)
    athena: Athena = field(default_factory=Athena)
    activity: Activity = field(default_factory=Activity)
    checks: Checks = field(default_factory=Checks)
    publish: Publish = field(default_factory=Publish)
    prices: Prices = field(default_factory=Prices)
    budget: Budget = field(default_factory=Budget)
    concurrency: Concurrency = field(default_factory=Concurrency)
    aws: Aws = field(default_factory=Aws)
    trino: Trino = field(default_factory=Trino)

    @property
    def zone(self) -> ZoneInfo:
        """The reporting time zone."""
        return ZoneInfo(self.timezone)

    @property
    def default_source(self) -> str:
        """What tables are built from unless a payload says: a table without days is read raw."""
        return self.source.read if self.source.partitions else "raw"

    @property
    def reads_own_lake(self) -> bool:
        """Whether the source is `logall` as `ingest` writes it: a partition is the UTC date."""
        own = Source()
        return self.source.partition_is_event_date and all(
            getattr(self.source, name) == getattr(own, name)
            for name in ("table", "timestamp", "partitions", "partition_slack_days")
        )


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of the table of settings."""

    name: str
    default: Any
    help: str

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return ENVIRONMENT_PREFIX + self.name.replace(".", "_").upper()


def settings_table() -> tuple[Setting, ...]:
    """Return every setting, in the order of the docs."""
    return tuple(_walk(Settings()))


def _walk(group: Any, prefix: str = "") -> Iterator[Setting]:
    for item in dataclasses.fields(group):
        value = getattr(group, item.name)
        if dataclasses.is_dataclass(value):
            yield from _walk(value, f"{item.name}.")
        else:
            yield Setting(prefix + item.name, value, item.metadata["help"])


def load_settings(
    *,
    file: Path | None = None,
    environment: Mapping[str, str],
    flags: Mapping[str, Any] | None = None,
) -> Settings:
    """Return the settings of `file`, `environment` and `flags`; later wins.

    A relative `home` or `checks.folder` in a file is taken from that file's folder; `~` begins one
    in a user's.

    Raises: InvalidSettings naming the file, variable or flag, and what is allowed
    """
    values: dict[str, Any] = {}
    if file is not None:
        values.update(_from_file(file))
    values.update(_from_environment(environment))
    for name, value in (flags or {}).items():
        values[name] = _parse(name, value, where=_OPTIONS.get(name, f"--set {name}"))
    return _assemble(values)


def _from_file(file: Path) -> dict[str, Any]:
    try:
        document = tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise InvalidSettings(f"cannot be read: {error.strerror}", where=str(file)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidSettings(f"is not valid TOML: {error}", where=str(file)) from error
    values = {}
    for name, value in _flat(document):
        values[name] = _parse(name, value, where=str(file))
    for name in _FOLDERS:
        if values.get(name):
            values[name] = str(file.parent / values[name])
    return values


def _flat(document: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in document.items():
        if isinstance(value, dict):
            yield from ((f"{name}.{inner}", item) for inner, item in value.items())
        else:
            yield name, value


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    values = {}
    if environment.get("MIN_DATA_DATE"):
        text = environment["MIN_DATA_DATE"]
        values["min_data_date"] = _parse("min_data_date", text, where="MIN_DATA_DATE")
    for setting in settings_table():
        if setting.variable in environment:
            text = environment[setting.variable]
            values[setting.name] = _parse(setting.name, text, where=setting.variable)
    return values


def _parse(name: str, value: Any, *, where: str) -> Any:
    known = {setting.name: setting.default for setting in settings_table()}
    if name not in known:
        raise InvalidSettings(
            f"there is no setting '{name}'; the settings are: {', '.join(known)}", where=where
        )
    try:
        if name == "min_data_date":
            return _parse_date(value)
        if name == "budget.max_scan":
            return None if value == "" else parse_size(value)
        if value == "" == known[name]:
            return value
        if name == "checks.accepted_gaps":
            return tuple(parse_date(day, field=name).isoformat() for day in _parse_list(value))
        parsed = _PARSERS[type(known[name])](value)
        return str(Path(str(parsed)).expanduser()) if name in _FOLDERS else parsed
    except InvalidName as error:
        raise InvalidSettings(str(error), where=where) from error
    except (TypeError, ValueError, RuntimeError) as error:  # the last: there is no such user
        raise InvalidSettings(f"{name}: {error}", where=where) from error


def _parse_date(value: Any) -> date | None:
    if value in (None, ""):
        return None
    if isinstance(value, date) and not isinstance(value, datetime):
        value = value.isoformat()
    return parse_date(value, field="min_data_date")


def parse_size(value: Any) -> int:
    """Return the bytes of a size such as 10GB, 1.5TB or 500MiB; a bare number is bytes.

    Raises: ValueError
    """
    found = _SIZE.fullmatch(str(value).strip()) if isinstance(value, (str, int)) else None
    if found is None or isinstance(value, bool) or (found["binary"] and not found["unit"]):
        raise ValueError("write a size such as 10GB, 500MB or 1TiB")
    power = " KMGTP".index(found["unit"].upper() or " ")
    return int(Decimal(found["number"]) * (1024 if found["binary"] else 1000) ** power)


def _parse_price(value: Any) -> float:
    number = float(value) if isinstance(value, (str, int, float)) else math.nan
    if isinstance(value, bool) or not 0 <= number < math.inf:
        raise ValueError("write a number, 0 or more")
    return number


def _parse_text(value: Any) -> str:
    if isinstance(value, str) and value.strip():
        return value
    raise ValueError("write a text that is not empty")


def _parse_count(value: Any) -> int:
    number = int(value) if isinstance(value, str) else value
    if isinstance(number, bool) or not isinstance(number, int) or number < 0:
        raise ValueError("write a whole number, 0 or more")
    return number


def _parse_flag(value: Any) -> bool:
    text = value.lower() if isinstance(value, str) else value
    if isinstance(text, bool) or text in ("true", "false"):
        return text in (True, "true")
    raise ValueError("write true or false")


def _parse_list(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    if isinstance(value, (list, tuple)) and all(isinstance(part, str) and part for part in value):
        return tuple(value)
    raise ValueError("write a list of texts (in the environment: separated by commas)")


_PARSERS = {
    str: _parse_text,
    int: _parse_count,
    float: _parse_price,
    bool: _parse_flag,
    tuple: _parse_list,
}


def _assemble(values: Mapping[str, Any]) -> Settings:
    groups: dict[str, dict[str, Any]] = {}
    top: dict[str, Any] = {}
    for name, value in values.items():
        group, _, inner = name.rpartition(".")
        (groups.setdefault(group, {}) if group else top)[inner] = value
    defaults = Settings()
    for group, inner_values in groups.items():
        top[group] = dataclasses.replace(getattr(defaults, group), **inner_values)
    settings = dataclasses.replace(defaults, **top)
    _check(settings)
    return settings


def _check(settings: Settings) -> None:
    try:
        settings.zone  # noqa: B018 - looks the zone up
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidSettings(
            f"timezone: '{settings.timezone}' is not in the IANA database; write e.g. Asia/Seoul"
        ) from error
    for name, address in (
        ("lake", settings.lake),
        ("athena.s3_base", settings.athena.s3_base),
        ("athena.output_location", settings.athena.output_location),
    ):
        try:
            parsed = S3Address.parse(address, field=name)
        except InvalidName as error:
            raise InvalidSettings(str(error)) from error
        if not parsed.key and name != "athena.output_location":
            raise InvalidSettings(f"{name}: {address} is a bare bucket; add a prefix")
    for name, text in (
        ("athena.database", settings.athena.database),
        ("source.table", settings.source.table),
        *(("source.partitions", column) for column in settings.source.partitions),
    ):
        if not _IDENTIFIER.fullmatch(text):
            raise InvalidSettings(
                f"{name}: {text[:80]!r} is not a name in Glue: use a–z 0–9 _, not a digit first"
            )
    if not _WORK_GROUP.fullmatch(settings.athena.workgroup):
        raise InvalidSettings("athena.workgroup: use 1 to 128 of A–Z a–z 0–9 . _ -")
    if len(settings.source.partitions) not in (0, 3):
        raise InvalidSettings("source.partitions: name the year, month and day columns, or none")
    _check_ranges(settings)
    _check_trino(settings.trino)


def _check_trino(trino: Trino) -> None:
    for name, text in (("catalog", trino.catalog), ("schema", trino.schema)):
        if text and not _IDENTIFIER.fullmatch(text):
            raise InvalidSettings(
                f"trino.{name}: {text[:80]!r} is no name: use a–z 0–9 _, not a digit first"
            )
    if trino.scheme not in ("http", "https"):
        raise InvalidSettings("trino.scheme: write http or https")
    if not 1 <= trino.port <= _MAX_PORT:
        raise InvalidSettings(f"trino.port: write 1 to {_MAX_PORT}")
    if not _STORAGE.fullmatch(trino.storage):
        raise InvalidSettings(
            f"trino.storage: {trino.storage[:80]!r} is no place: write s3:// or, as "
            "local:///home/s3/, a scheme and a path that ends with /"
        )
    for entry in trino.session:
        if not _SESSION_PROPERTY.fullmatch(entry):
            raise InvalidSettings(f"trino.session: {entry[:80]!r}: write NAME=VALUE")


def _check_ranges(settings: Settings) -> None:
    if settings.engine not in ENGINES:
        raise InvalidSettings(f"engine: write {' or '.join(ENGINES)}")
    concurrency = settings.concurrency
    if not 1 <= concurrency.services <= _MAX_CONCURRENCY:
        raise InvalidSettings(f"concurrency.services: write 1 to {_MAX_CONCURRENCY}")
    if not 1 <= concurrency.services_per_execution <= _MAX_SERVICES:
        raise InvalidSettings(f"concurrency.services_per_execution: write 1 to {_MAX_SERVICES}")
    if settings.source.read not in SOURCES:
        raise InvalidSettings(f"source.read: write {' or '.join(SOURCES)}")
    if not 1 <= settings.activity.days_per_query <= _MAX_DAYS_PER_QUERY:
        raise InvalidSettings(f"activity.days_per_query: write 1 to {_MAX_DAYS_PER_QUERY}")
    if settings.activity.raw_mb_per_query < 1:
        raise InvalidSettings("activity.raw_mb_per_query: write 1 or more")
    if not 1 <= settings.activity.concurrency <= _MAX_CONCURRENCY:
        raise InvalidSettings(f"activity.concurrency: write 1 to {_MAX_CONCURRENCY}")
    if settings.events.max_names < 1:
        raise InvalidSettings("events.max_names: must be 1 or more")
