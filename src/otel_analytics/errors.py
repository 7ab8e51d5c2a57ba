"""Every error that otel-analytics raises on purpose, as one tree.

    OtelAnalyticsError
    ├── Refused             nothing was begun: wrong use or wrong input (exit code 2)
    │   ├── InvalidName         a service name, prefix, query type, date or S3 address
    │   ├── InvalidSettings     otel-analytics.toml, environment or flags
    │   ├── InvalidPayload      an execution's input or a Lambda's event
    │   ├── UnknownService      the logs hold no event of a service
    │   ├── InvalidDocument     a state machine document
    │   ├── InvalidQuery        a statement that is not Athena's SQL
    │   ├── NoAccess            AWS does not let us in: no credentials, expired ones, no region
    │   ├── OverBudget          a run would scan more than it may
    │   ├── UnreadablePath      no such file or folder, or no permission
    │   ├── InvalidHome         a home that is no folder, cannot be written, or is not ours
    │   └── HomeTooNew          a home made by a newer version
    └── Failed              work was begun and could not be done (exit code 1)
        ├── IngestFailed        a file could not be ingested; nothing of it was kept
        ├── AwsFailed           AWS refused a call, or could not be reached
        ├── CatalogChanged      someone else changed a table while it was changed here
        ├── QueryFailed         a query execution ended as FAILED
        ├── MetricError         a metric's .sql file is not what it says
        ├── CheckError          a check's .sql file is not what it says
        ├── NewerPublished      tables of a later execution date are published already
        ├── ActivityChanged     a step of a refresh was overtaken by another execution's
        └── ExecutionFailed     an execution ended other than SUCCEEDED

A message says what is wrong, where, and ends with what to do. What other libraries raise is
turned into one of these at the seam where they are called.
"""

from __future__ import annotations

__all__ = [
    "ActivityChanged",
    "AwsFailed",
    "CatalogChanged",
    "CheckError",
    "ExecutionFailed",
    "Failed",
    "HomeTooNew",
    "IngestFailed",
    "InvalidDocument",
    "InvalidHome",
    "InvalidName",
    "InvalidPayload",
    "InvalidQuery",
    "InvalidSettings",
    "MetricError",
    "NewerPublished",
    "NoAccess",
    "OtelAnalyticsError",
    "OverBudget",
    "QueryFailed",
    "Refused",
    "UnknownService",
    "UnreadablePath",
]


class OtelAnalyticsError(Exception):
    """The root of the tree: what is wrong, and `where` (a file, field, state or line) if known."""

    exit_code = 1

    def __init__(self, message: str, *, where: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.where = where

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


class Refused(OtelAnalyticsError):  # noqa: N818 - reads as what happened
    """Nothing was begun: the command or its input is wrong."""

    exit_code = 2


class InvalidName(Refused):
    """A service name, table prefix, query type, date or S3 address is not allowed."""


class InvalidSettings(Refused):
    """A setting has a wrong name or value; `where` names the file, variable or flag."""


class InvalidPayload(Refused):
    """An execution's input, or the event of a Lambda, is not what the contract says."""


class UnknownService(Refused):
    """The longest window holds no event of a service."""


class InvalidDocument(Refused):
    """A state machine document is not valid; `where` is the full path of the field."""


class InvalidQuery(Refused):
    """A statement was refused before it was executed, as SYNTAX_ERROR or as NOT_SUPPORTED."""


class NoAccess(Refused):
    """AWS does not let us in: credentials are missing, expired or wrong, or the region is."""


class OverBudget(Refused):
    """A run would scan more bytes than its budget allows."""


class UnreadablePath(Refused):
    """A path that was given does not exist or may not be read."""


class InvalidHome(Refused):
    """The home is no folder, cannot be written, or its catalog is not ours; `where` is its path."""


class HomeTooNew(Refused):
    """The home was written by a newer version of otel-analytics."""


class Failed(OtelAnalyticsError):  # noqa: N818 - reads as what happened
    """Work was begun and could not be done."""


class IngestFailed(Failed):
    """A source file could not be ingested; `where` is the file, and nothing of it was kept."""


class AwsFailed(Failed):
    """A call of AWS was refused or got no answer; `code` is AWS's, '' where there was no answer."""

    def __init__(self, message: str, *, code: str = "", operation: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.operation = operation


class CatalogChanged(Failed):
    """An entry of the catalog is no longer what it was when its change was planned."""


class QueryFailed(Failed):
    """A query execution ended as FAILED; the message begins with Athena's error code.

    `is_retryable` says whether another try could succeed, None where only the code tells.
    """

    def __init__(
        self, message: str, *, where: str | None = None, is_retryable: bool | None = None
    ) -> None:
        super().__init__(message, where=where)
        self.is_retryable = is_retryable


class MetricError(Failed):
    """A metric's `.sql` file does not keep what its header says; `where` is file and line."""


class CheckError(Failed):
    """A check's `.sql` file does not keep what its header says; `where` is file and line."""


class NewerPublished(Failed):
    """Tables of a later execution date are published; these entered the history alone."""


class ActivityChanged(Failed):
    """What a step of a refresh builds on is no longer what it was planned for."""


class ExecutionFailed(Failed):
    """An execution ended as FAILED, TIMED_OUT or ABORTED."""
