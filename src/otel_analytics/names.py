"""Names and addresses: what is allowed, and how one follows from another.

Knows no SQL, no settings and no storage; it only checks and derives.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any, Final

from otel_analytics.errors import InvalidName

__all__ = [
    "EXECUTION_DATE_PARAMETER",
    "EXECUTION_PARAMETER",
    "MAX_SERVICE_NAME_CHARACTERS",
    "ROW_COUNT_PARAMETER",
    "SERVICE_NAME_PARAMETER",
    "Leaf",
    "S3Address",
    "execution_token",
    "harmless",
    "history_table_name",
    "parse_date",
    "parse_execution_token",
    "parse_service_name",
    "parse_service_names",
    "parse_table_prefix",
    "table_location",
    "table_name",
    "table_prefix",
]

# What a published table and its history say of themselves, as parameters of their entries.
EXECUTION_PARAMETER: Final = "otel_analytics.execution"
EXECUTION_DATE_PARAMETER: Final = "otel_analytics.execution_date"
ROW_COUNT_PARAMETER: Final = "otel_analytics.row_count"
SERVICE_NAME_PARAMETER: Final = "otel_analytics.service_name"

MAX_SERVICE_NAME_CHARACTERS = 64
_SERVICE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_TABLE_PREFIX = re.compile(r"[a-z0-9_]{1,64}")
# An execution's name has at most 80 characters, and the digits of its hash follow.
_EXECUTION_TOKEN = re.compile(r"[a-z0-9_]{1,100}")
_ATTEMPT = re.compile(r"0|[1-9][0-9]{0,8}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# Every window before, and every time zone's day after, is still a date of the calendar.
_FIRST_DATE = date(1971, 1, 1)
_LAST_DATE = date(9998, 12, 31)
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
# Without `'` and `*`, which S3's guide calls safe too: engines make more of them.
_KEY = re.compile(r"[A-Za-z0-9!_.()=/-]*")


def parse_service_name(value: Any, *, field: str = "service name") -> str:
    """Return `value` if it is an allowed service name.

    Raises: InvalidName naming `field`, the value (shortened) and what is allowed
    """
    if not isinstance(value, str) or not _SERVICE_NAME.fullmatch(value):
        raise InvalidName(
            f"{field} {_shown(value)} is not allowed: use 1 to {MAX_SERVICE_NAME_CHARACTERS} of "
            "A–Z a–z 0–9 . _ - and begin with a letter or a digit"
        )
    return value


def parse_service_names(values: Any, *, field: str = "service_names") -> tuple[str, ...]:
    """Return the service names of a payload, in order.

    Raises: InvalidName if there is none, one is not allowed or given twice, or two give the
        same table prefix (their tables would overwrite each other)
    """
    if not isinstance(values, (list, tuple)) or not values:
        raise InvalidName(
            f"{field} must be a list of one or more service names, not {_shown(values)}"
        )
    names = tuple(
        parse_service_name(value, field=f"{field}[{i}]") for i, value in enumerate(values)
    )
    seen: dict[str, str] = {}
    for name in names:
        prefix = table_prefix(name)
        if prefix in seen:
            other = seen[prefix]
            raise InvalidName(
                f"{field} holds '{name}' twice: list it once"
                if other == name
                else f"{field}: '{other}' and '{name}' would both own the tables {prefix}_…: "
                "run them apart, under different databases"
            )
        seen[prefix] = name
    return names


def table_prefix(service_name: str) -> str:
    """Return what a service's table names begin with: `theshop-brand-kr` → `theshop_brand_kr`."""
    return re.sub(r"[^a-z0-9]", "_", service_name.lower())


def parse_table_prefix(value: Any) -> str:
    """Return `value` if it can be a table prefix.

    Raises: InvalidName
    """
    if not isinstance(value, str) or not _TABLE_PREFIX.fullmatch(value):
        raise InvalidName(f"table_prefix {_shown(value)} is not allowed: use 1 to 64 of a–z 0–9 _")
    return value


def parse_date(value: Any, *, field: str) -> date:
    """Return the date of a 'YYYY-MM-DD' text, from 1971-01-01 to 9998-12-31.

    Raises: InvalidName naming `field`
    """
    found = None
    if isinstance(value, str) and _DATE.fullmatch(value):
        with suppress(ValueError):
            found = date.fromisoformat(value)
    if found is None:
        raise InvalidName(f"{field} {_shown(value)} is not a date: write it as YYYY-MM-DD")
    if not _FIRST_DATE <= found <= _LAST_DATE:
        raise InvalidName(f"{field} {found} is not allowed: use {_FIRST_DATE} to {_LAST_DATE}")
    return found


def table_name(prefix: str, query_type: str) -> str:
    """Return a published table's name, as `theshop_brand_mau_summary`."""
    return f"{prefix}_{query_type}_summary"


def history_table_name(prefix: str, query_type: str) -> str:
    """Return the name of the table of a table's past publications, one partition for each E."""
    return f"{table_name(prefix, query_type)}_history"


def execution_token(name: str, arn: str) -> str:
    """Return what the staging tables and leaves of an execution carry: letters a–z, digits and _.

    `run-1` gives `run_1_` and eight digits of its ARN's hash, since other names give `run_1` too.
    """
    return f"{table_prefix(name)}_{sha256(arn.encode()).hexdigest()[:8]}"


def parse_execution_token(value: Any, *, field: str = "execution") -> str:
    """Return `value` if `execution_token` could have given it.

    Raises: InvalidName naming `field`
    """
    if not isinstance(value, str) or not _EXECUTION_TOKEN.fullmatch(value):
        raise InvalidName(f"{field} {_shown(value)} is not allowed: use 1 to 100 of a–z 0–9 _")
    return value


def table_location(s3_base: str, prefix: str, query_type: str) -> str:
    """Return the S3 prefix, with its closing slash, under which a table's data lies."""
    return f"{s3_base.rstrip('/')}/{prefix}_{query_type}/"


@dataclass(frozen=True, slots=True)
class S3Address:
    """A bucket and a key or key prefix, written `s3://bucket/key`."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, value: Any, *, field: str = "S3 address") -> S3Address:
        """Return the parts of `s3://bucket/key`; the key may be empty.

        Raises: InvalidName if it is no such address, or its key holds `..`, `//`, `*` or characters
            that S3's guide does not call safe
        """
        if isinstance(value, str) and value.startswith("s3://"):
            bucket, _, key = value.removeprefix("s3://").partition("/")
            parts = key.split("/")
            safe = _KEY.fullmatch(key) and ".." not in parts and "." not in parts
            if _BUCKET.fullmatch(bucket) and safe and "" not in parts[:-1]:
                return cls(bucket, key)
        raise InvalidName(
            f"{field} {_shown(value)} is not an S3 address: write s3://bucket/prefix with "
            "letters, digits and ! _ . ( ) = / -"
        )

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True, slots=True)
class Leaf:
    """Where one attempt of one execution builds one table: all that publication ever deletes.

    `attempt` is a number; a query that is built once for several attempts has `{attempt}` there.
    """

    s3_base: str
    prefix: str
    query_type: str
    execution: str
    attempt: str

    @classmethod
    def parse(cls, address: Any, *, s3_base: str, prefix: str, query_type: str) -> Leaf:
        """Return the leaf at an address under the location of a table.

        Raises: InvalidName if it is any other address, such as that location itself
        """
        root = table_location(s3_base, prefix, query_type)
        if isinstance(address, str) and address.startswith(root):
            execution, *rest = address.removeprefix(root).split("/")
            if (
                len(rest) == 2
                and rest[1] == ""
                and _EXECUTION_TOKEN.fullmatch(execution)
                and _ATTEMPT.fullmatch(rest[0])
            ):
                return cls(s3_base, prefix, query_type, execution, rest[0])
        raise InvalidName(f"location {_shown(address)} is not {root}<execution>/<attempt>/")

    @property
    def location(self) -> str:
        """The S3 prefix of its data, with its closing slash."""
        root = table_location(self.s3_base, self.prefix, self.query_type)
        return f"{root}{self.execution}/{self.attempt}/"

    @property
    def staging_table(self) -> str:
        """The name of the table over its data until it is published."""
        return f"{self.prefix}_{self.query_type}_{self.execution}_{self.attempt}"


def harmless(text: str, kept: str = "") -> str:
    """Return the text with control characters, but for those `kept`, written as escapes.

    What a log record holds must not steer the terminal or the page that shows it.
    """
    return "".join(c if c.isprintable() or c in kept else repr(c)[1:-1] for c in text)


def _shown(value: Any, limit: int = 80) -> str:
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"
