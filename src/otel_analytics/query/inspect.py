"""The first contact with logs that exist already: what is in a table, and settings that fit it.

Asks in Athena's SQL through a function that it is given, so it is the same on every engine.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import date

    from otel_analytics.config import Settings
    from otel_analytics.query.statements import Column

    RunQuery = Callable[[str], Sequence[tuple[Any, ...]]]

__all__ = [
    "Candidate",
    "Inspection",
    "ServiceSummary",
    "inspect_table",
    "missing_roles",
    "propose_settings",
]

_MOST_KEYS: Final = 1000
_MOST_LINES: Final = 50

# By role, patterns of a name's words, the likeliest first: `user.id` reads as "user id", and Glue
# turns `userId` into `userid`.
_ROLES: Final[Mapping[str, tuple[str, ...]]] = {
    "service_name": (r"(.* )?service ?name", r"service"),
    # The type says the most here, so in the end any name will do.
    "timestamp": (r"timestamp", r"(event )?time|ts", r".* (timestamp|time|at)", r".*"),
    "event_name": (r"event ?name", r"event( ?type)?", r"name", r"body"),
    "user_key": (
        r"(.* )?(user|enduser|customer|member|account|subscriber) ?(id|key|u?uid|no|number|hash)",
        r"user|uid",
        r"(.* )?(visitor|anonymous|device|client|installation) ?(id|key|uuid)",
    ),
    "session_id": (r"(.* )?session( ?(id|key|uuid|no))?", r"(.* )?visit ?(id|key|uuid)", r"sid"),
}
_MAY_BE_MISSING: Final = ("event_name", "user_key", "session_id")
_NOTHING: Final = "CAST(NULL AS VARCHAR)"
_EVENT_WORDS: Final = {
    "session_start": re.compile(r"\bsession (start|started|begin|began)\b"),
    "product_view": re.compile(
        r"\b(product|item|goods)( detail)?( page)? (view|viewed)\b|\bview (product|item)\b"
    ),
    "cart_add": re.compile(
        r"\b(cart|basket|bag) (add|added)\b|\b(add|added) (\w+ )?to (cart|basket|bag)\b"
    ),
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A column or attribute whose name or type fits a role of the source mapping.

    Units:  rank 0 is the likeliest name; records whose value is not empty; distinct values
    """

    role: str
    name: str
    sql: str
    rank: int
    records: int
    distinct: int
    attribute: str | None


@dataclass(frozen=True, slots=True)
class ServiceSummary:
    """One service's records, and how many of them have a user and a session."""

    name: str | None
    records: int
    with_user: int
    with_session: int


@dataclass(frozen=True, slots=True)
class Inspection:
    """What is in a table of log records."""

    table: str
    records: int
    days: int
    first_day: date | None
    last_day: date | None
    services: tuple[ServiceSummary, ...]
    event_names: tuple[tuple[str | None, int], ...]
    candidates: tuple[Candidate, ...]
    chosen: Mapping[str, Candidate]


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    sql: str
    type: str
    attribute: str | None = None


def inspect_table(table: str, columns: Sequence[Column], run_query: RunQuery) -> Inspection:
    """Return what a table holds; `table` is its name as it stands in SQL.

    Raises: what `run_query` raises
    """
    records, candidates = _count(table, list(_fields(table, columns, run_query)), run_query)
    chosen = {}
    for role in _ROLES:
        fitting = [c for c in candidates if c.role == role and c.records]
        # The likeliest name, unless another is there at least twice as often.
        often = [c for c in fitting if 2 * c.records >= max(c.records for c in fitting)]
        if often:
            chosen[role] = min(often, key=lambda c: (c.rank, -c.records))
    value = {role: _value(chosen.get(role)) for role in _ROLES}
    day = f"CAST({chosen['timestamp'].sql} AS DATE)" if "timestamp" in chosen else "NULL"
    ((days, first_day, last_day),) = run_query(
        f"SELECT COUNT(DISTINCT {day}), MIN({day}), MAX({day}) FROM {table}"  # noqa: S608
    )
    services = run_query(
        f"SELECT {value['service_name']}, COUNT(*), COUNT({value['user_key']}), "  # noqa: S608
        f"COUNT({value['session_id']}) FROM {table} GROUP BY 1 ORDER BY 2 DESC, 1 "
        f"LIMIT {_MOST_LINES}"
    )
    event_names = run_query(
        f"SELECT {value['event_name']}, COUNT(*) FROM {table} GROUP BY 1 "  # noqa: S608
        f"ORDER BY 2 DESC, 1 LIMIT {_MOST_LINES}"
    )
    return Inspection(
        table=table,
        records=records,
        days=days,
        first_day=first_day,
        last_day=last_day,
        services=tuple(ServiceSummary(*row) for row in services),
        event_names=tuple((name, count) for name, count in event_names),
        candidates=tuple(sorted(candidates, key=lambda c: (c.role, c.rank, -c.records))),
        chosen=chosen,
    )


def propose_settings(
    inspection: Inspection, settings: Settings, *, source_table: str | None
) -> dict[str, Any]:
    """Return the settings that should change, by name, for these logs to give full tables.

    With `source_table` None the logs are yet to be ingested, so attributes go into `keys`;
    otherwise the table stays as it is and is mapped.
    """
    proposed = _propose_events(inspection, settings)
    if source_table is None:
        for setting, role in (("user", "user_key"), ("session", "session_id")):
            best, known = inspection.chosen.get(role), getattr(settings.keys, setting)
            if best and best.attribute and best.attribute not in known:
                proposed[f"keys.{setting}"] = (*known, best.attribute)
        return proposed
    if source_table != settings.source.table:
        proposed["source.table"] = source_table
    for role in _ROLES:
        best, mapped = inspection.chosen.get(role), _bare(getattr(settings.source, role))
        if best and _bare(best.sql) != mapped:
            proposed[f"source.{role}"] = best.sql
        # A column that is there but empty may fill; one that is not would fail every query.
        is_there = any(_bare(candidate.sql) == mapped for candidate in inspection.candidates)
        if best is None and role in _MAY_BE_MISSING and not is_there and mapped != _NOTHING:
            proposed[f"source.{role}"] = _NOTHING
    return proposed


def _propose_events(inspection: Inspection, settings: Settings) -> dict[str, Any]:
    """Return event settings with the names found added: they hold for all services."""
    proposed: dict[str, Any] = {}
    present = {name for name, _ in inspection.event_names if name}
    for setting, words in _EVENT_WORDS.items():
        configured = getattr(settings.events, setting)
        # Without a name every event starts a session; with one, that of every service must be in.
        would_narrow = not configured and len(inspection.services) > 1
        found = tuple(sorted(name for name in present if words.search(_words(name))))
        if found and not would_narrow and not present & set(configured):
            proposed[f"events.{setting}"] = (*configured, *found)
    return proposed


def _bare(sql: str) -> str:
    return sql.replace('"', "")


def missing_roles(inspection: Inspection) -> tuple[str, ...]:
    """Return the roles of the source mapping that no column or attribute seems to fill."""
    return tuple(role for role in _ROLES if role not in inspection.chosen)


def _fields(table: str, columns: Sequence[Column], run_query: RunQuery) -> Iterator[_Field]:
    for column in columns:
        name = _sql(exp.column(column.name, quoted=True))
        if column.type.startswith("map<string,"):
            keys = run_query(
                f"SELECT attribute, COUNT(*) FROM {table} "  # noqa: S608
                f"CROSS JOIN UNNEST(map_keys({name})) AS keys (attribute) "
                f"GROUP BY attribute ORDER BY 2 DESC, 1 LIMIT {_MOST_KEYS}"
            )
            for key, _ in keys:
                sql = f"element_at({name}, {_sql(exp.Literal.string(key))})"
                yield _Field(f"{column.name}.{key}", sql, "string", key)
        elif column.type.startswith("struct<"):
            for key, kind in _members(column.type):
                sql = _sql(exp.column(key, table=column.name, quoted=True))
                yield _Field(f"{column.name}.{key}", sql, kind, key)
        else:
            yield _Field(column.name, name, column.type)


def _members(struct: str) -> Iterator[tuple[str, str]]:
    """Return the names and types of `struct<a:string,b.c:struct<d:int>>`."""
    inner, depth, begin = struct.removeprefix("struct<").removesuffix(">"), 0, 0
    for position, character in enumerate(inner + ","):
        depth += {"<": 1, "(": 1, ">": -1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            name, _, kind = inner[begin:position].partition(":")
            yield name.strip("`"), kind
            begin = position + 1


def _count(
    table: str, fields: Sequence[_Field], run_query: RunQuery
) -> tuple[int, list[Candidate]]:
    fitting = [(item, *fit) for item in fields if (fit := _role(item))]
    counts = ["COUNT(*)"]
    for item, role, _ in fitting:
        value = item.sql if role == "timestamp" else _not_empty(item.sql)
        counts += [f"COUNT({value})", f"COUNT(DISTINCT {value})"]
    ((records, *numbers),) = run_query(f"SELECT {', '.join(counts)} FROM {table}")  # noqa: S608
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    return records, [
        Candidate(role, item.name, _mapped(item), rank, filled, distinct, _attribute(item))
        for (item, role, rank), (filled, distinct) in zip(fitting, pairs, strict=True)
    ]


def _role(item: _Field) -> tuple[str, int] | None:
    words = _words((item.attribute or item.name).removeprefix("resource."))
    for role, patterns in _ROLES.items():
        if (role == "timestamp") != item.type.startswith(("timestamp", "date")):
            continue
        if item.type.startswith(("struct<", "map<", "array<")):
            continue
        for rank, pattern in enumerate(patterns):
            if re.fullmatch(pattern, words):
                # A column made for it is likelier than an attribute of the same name.
                return role, 2 * rank + (item.attribute is not None)
    return None


def _mapped(item: _Field) -> str:
    """Return the field as a source mapping needs it: a time stamp or a text."""
    if item.type in ("timestamp", "string", "varchar"):
        return item.sql
    return f"CAST({item.sql} AS {'TIMESTAMP' if item.type == 'date' else 'VARCHAR'})"


def _attribute(item: _Field) -> str | None:
    return item.attribute.removeprefix("resource.") if item.attribute else None


def _words(name: str) -> str:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return re.sub(r"[^a-z0-9]+", " ", spaced.lower()).strip()


def _value(candidate: Candidate | None) -> str:
    return _not_empty(candidate.sql) if candidate else _NOTHING


def _not_empty(sql: str) -> str:
    return f"NULLIF(CAST({sql} AS VARCHAR), '')"


def _sql(expression: exp.Expr) -> str:
    return expression.sql(dialect="athena")
