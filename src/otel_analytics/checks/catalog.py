"""Checks as data: what each `.sql` file's header declares, beside its text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, cast

from otel_analytics.config import settings_table
from otel_analytics.errors import CheckError
from otel_analytics.metrics.catalog import load_catalog

if TYPE_CHECKING:
    from otel_analytics.config import Settings

__all__ = [
    "EACH",
    "PARAMETERS",
    "RELATIONS",
    "Check",
    "Relation",
    "Severity",
    "load_checks",
    "parse_check_file",
]

Severity = Literal["error", "warning", "info"]

EACH: Final = "each"
_NONE: Final = "none"
PARAMETERS: Final = {
    "cohort_start": "the first day of the window of user_cohort",
    "execution": "the execution whose tables are checked, as locations carry it; '' for published",
    "execution_date": "E, the day on which the tables are made",
    "max_row_count_drop": "the setting checks.max_row_count_drop",
    "service_name": "the service",
    "window_start": "the first day of the window of mau",
    "window_end": "its last day, E−1",
}


@dataclass(frozen=True, slots=True)
class Relation:
    """What a check can read beside the seven tables; `is_raw` if that reads the raw logs."""

    help: str
    columns: tuple[str, ...]
    is_raw: bool = False


RELATIONS: Final = {
    "table_rows": Relation(
        "each row of the seven tables; row_key is the key's other columns as text",
        ("query_type", "service_name", "row_key", "execution_date"),
    ),
    "tables": Relation(
        "the seven tables and, with query_type '', the raw logs; execution is '' if unknown",
        ("query_type", "table_name", "is_there", "execution"),
    ),
    "previous": Relation(
        "the tables of the last publication, unless it is of a later execution date",
        ("query_type", "row_count"),
    ),
    "accepted_gaps": Relation("the days of the setting checks.accepted_gaps", ("event_date",)),
    "events": Relation(
        "the service's events in the window of mau, as the metrics read them",
        (
            "service_name", "event_date", "event_name", "user_key", "session_id", "event_count",
            "is_active", "is_session_start", "is_product_view", "is_cart_add",
        ),
        is_raw=True,
    ),
    "active_users": Relation(
        "the service's active users in the window of user_cohort, and days on which they were, the "
        "first among them",
        ("user_key", "event_date"),
        is_raw=True,
    ),
    "lake_days": Relation(
        "each day of the window of mau that has raw data of any service",
        ("event_date", "records"),
        is_raw=True,
    ),
    "service_days": Relation(
        "each day of the window of mau that has raw data of the service",
        ("event_date", "records"),
        is_raw=True,
    ),
    "lake_gaps": Relation(
        "each run of days without raw data of any service, from the first in the window of mau to "
        "E−1, but accepted ones",
        ("first_day", "last_day", "days"),
        is_raw=True,
    ),
    "service_gaps": Relation(
        "the same of the service's events", ("first_day", "last_day", "days"), is_raw=True
    ),
    "known_services": Relation(
        "every service that the logs know at any time; window_records are in the window of mau",
        ("service_name", "first_day", "last_day", "window_records"),
        is_raw=True,
    ),
}  # fmt: skip

_REQUIRED: Final = ("title", "severity", "table", "message", "reads")
_OPTIONAL: Final = ("params",)
_FIELD = re.compile(r"-- (?P<name>[a-z]+): +(?P<value>\S.*)")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_SEVERITY = re.compile(
    r"(?P<severity>error|warning|info)(; warning where (?P<setting>[a-z_.]+) is set)?"
)


@dataclass(frozen=True, slots=True)
class Check:
    """One check: its header, and its SQL over the relations that it `reads`.

    `table` is the query type that it is of, or `each`, or '': the service as a whole.
    `file` is its path as errors name it.
    """

    name: str
    title: str
    severity: Severity
    warning_setting: str | None
    table: str
    message: str
    reads: tuple[str, ...]
    parameters: tuple[str, ...]
    sql: str
    sql_line: int
    file: str

    def severity_under(self, settings: Settings) -> Severity:
        """Return how bad a finding is, as the settings stand."""
        if self.warning_setting is None:
            return self.severity
        group, _, name = self.warning_setting.rpartition(".")
        value = getattr(getattr(settings, group) if group else settings, name)
        return "warning" if value else self.severity


def load_checks(folder: str = "") -> dict[str, Check]:
    """Return the checks by name: ours, then those of a folder of `.sql` files.

    Raises: CheckError naming file and line, also for a name of ours in the folder
    """
    checks = dict(_own_checks())
    for check in _folder_checks(Path(folder)) if folder else ():
        if check.name in checks:
            raise CheckError(
                f"a check '{check.name}' is built in: give the file another name", where=check.file
            )
        checks[check.name] = check
    return checks


@cache
def _own_checks() -> dict[str, Check]:
    files = sorted(
        (f for f in resources.files(__package__).iterdir() if f.name.endswith(".sql")),
        key=lambda file: file.name,
    )
    checks = (parse_check_file(file.name, file.read_text("utf-8")) for file in files)
    return {check.name: check for check in checks}


def _folder_checks(folder: Path) -> list[Check]:
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix == ".sql")
        return [parse_check_file(str(path), path.read_text("utf-8")) for path in files]
    except OSError as error:
        where = str(error.filename or folder)
        raise CheckError(
            f"cannot be read: {error.strerror}; checks.folder names a folder of .sql files",
            where=where,
        ) from error
    except UnicodeDecodeError as error:
        raise CheckError(f"a .sql file is not UTF-8: {error}", where=str(folder)) from error


def parse_check_file(file: str, text: str) -> Check:
    """Return the check that a `.sql` file holds; its name is the file's.

    Raises: CheckError naming file and line
    """
    lines = text.splitlines()
    fields, end = _read_header(file, lines)
    missing = [name for name in _REQUIRED if name not in fields]
    if missing:
        raise CheckError(f"the header lacks {', '.join(missing)}", where=f"{file}:1")
    name = Path(file).stem
    if not _NAME.fullmatch(name):
        raise CheckError("name the file by a–z 0–9 _, a letter first", where=file)
    severity = _parse_severity(file, *fields["severity"])
    (table,) = _listed(file, *fields["table"], known=(EACH, _NONE, *load_catalog()), most=1)
    return Check(
        name=name,
        title=fields["title"][0],
        severity=cast("Severity", severity["severity"]),
        warning_setting=severity["setting"],
        table="" if table == _NONE else table,
        message=fields["message"][0],
        reads=_listed(file, *fields["reads"], known=(*load_catalog(), *RELATIONS)),
        parameters=(
            _listed(file, *fields["params"], known=tuple(PARAMETERS)) if "params" in fields else ()
        ),
        sql="\n".join(lines[end:]),
        sql_line=end + 1,
        file=file,
    )


def _read_header(file: str, lines: list[str]) -> tuple[dict[str, tuple[str, int]], int]:
    """Return the fields, each with its line, and how many lines the header has."""
    fields: dict[str, tuple[str, int]] = {}
    for number, line in enumerate(lines, start=1):
        if not line.startswith("--"):
            return fields, number - 1
        match = _FIELD.fullmatch(line.rstrip())
        if match is None or match["name"] not in (*_REQUIRED, *_OPTIONAL):
            raise CheckError(
                f"is no field of the header; the fields are {', '.join((*_REQUIRED, *_OPTIONAL))}",
                where=f"{file}:{number}",
            )
        if match["name"] in fields:
            raise CheckError(f"'{match['name']}' stands there twice", where=f"{file}:{number}")
        fields[match["name"]] = match["value"], number
    return fields, len(lines)


def _parse_severity(file: str, value: str, line: int) -> dict[str, str | None]:
    match = _SEVERITY.fullmatch(value)
    settings = {setting.name for setting in settings_table()}
    if match is None or (match["setting"] and match["setting"] not in settings):
        raise CheckError(
            "severity: write error, warning or info; an error may go on with "
            "'; warning where <setting> is set'",
            where=f"{file}:{line}",
        )
    return {"severity": match["severity"], "setting": match["setting"]}


def _listed(
    file: str, value: str, line: int, *, known: tuple[str, ...], most: int = 99
) -> tuple[str, ...]:
    parts = tuple(part.strip() for part in value.split(","))
    unknown = [part for part in parts if part not in known]
    if unknown or len(parts) > most:
        raise CheckError(
            f"'{', '.join(unknown or parts)}' is not allowed here; allowed are {', '.join(known)}",
            where=f"{file}:{line}",
        )
    return parts
