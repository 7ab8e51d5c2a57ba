"""The columns of `logall`, in order, in Athena's types; light enough for a Lambda to import."""

from __future__ import annotations

from typing import Final

__all__ = ["LOGALL_COLUMNS", "LOGALL_PARTITIONS", "LOGALL_TABLE"]

LOGALL_TABLE: Final = "logall"

LOGALL_COLUMNS: Final[dict[str, str]] = {
    "timestamp": "timestamp",
    "time_unix_nano": "bigint",
    "event_name": "string",
    "body": "string",
    "severity_number": "int",
    "severity_text": "string",
    "trace_id": "string",
    "span_id": "string",
    "service_name": "string",
    "user_key": "string",
    "session_id": "string",
    "source_id": "string",
    "attributes": "map<string,string>",
}

LOGALL_PARTITIONS: Final[dict[str, str]] = {"year": "string", "month": "string", "day": "string"}
