"""Why a state, a service or an execution failed, and what to do: a table matched by error and text.

Knows the words of Step Functions, Athena and Lambda as well as those of the embedded AWS.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["EXPLANATIONS", "Explanation", "explain", "reason_of"]

_ATHENA: Final = "https://docs.aws.amazon.com/athena/latest/ug"
_LAMBDA: Final = "https://docs.aws.amazon.com/lambda/latest/dg"
_STATES: Final = "https://docs.aws.amazon.com/step-functions/latest/dg"


@dataclass(frozen=True, slots=True)
class Explanation:
    """A kind of failure: an error of one of these names, or a reason with one of these texts.

    `patterns` are regular expressions, for reasons that no text tells apart.
    """

    name: str
    why: str
    what_to_do: str
    errors: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    source: str = ""

    def explains(self, error: str, reason: str) -> bool:
        """Return whether a failure is of this kind; texts are compared without case."""
        folded = reason.casefold()
        return (
            error in self.errors
            or any(text.casefold() in folded for text in self.texts)
            or any(re.search(pattern, reason) for pattern in self.patterns)
        )


def explain(error: str | None, cause: str | None) -> Explanation | None:
    """Return the explanation of a failure by its error name and cause, if it is a known kind."""
    reason = reason_of(cause or "")
    return next((one for one in EXPLANATIONS if one.explains(error or "", reason)), None)


def reason_of(cause: str) -> str:
    """Return what a person needs of a cause: the reason of a query, the message of a Lambda.

    Of an execution that another one has started, its own cause.
    """
    try:
        document = json.loads(cause)
    except (ValueError, RecursionError):
        return cause
    if not isinstance(document, dict):
        return cause
    status = _object(_object(document.get("QueryExecution")).get("Status"))
    reason = (
        status.get("StateChangeReason") or document.get("errorMessage") or document.get("Cause")
    )
    if not reason and status.get("State") == "CANCELLED":
        return "Query cancelled"
    return str(reason or cause)


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


# The first that explains a failure counts, so what is special stands before what is general.
EXPLANATIONS: Final = (
    Explanation(
        "Services failed",
        "At least one service of the execution failed; the tables of the others are published.",
        "See each service's own error (`otel-analytics describe ID`, or the summary at the address "
        "in the cause), put it right, and run those services again. A redrive of this execution "
        "would not: it goes on behind the services, and fails alike.",
        errors=("ServicesFailed",),
    ),
    Explanation(
        "Summary not stored",
        "The services were all dealt with, and the tables of those that completed are published; "
        "the summary of it could not be written.",
        "Put right what the cause says of the address. Run those services again that it says "
        "failed; a redrive of this execution would not.",
        errors=("SummaryNotStored",),
    ),
    Explanation(
        "Staging tables gone",
        "What the execution had built was cleaned away before it was published.",
        "Run the services again: a new execution builds their tables anew; a redrive of this one "
        "cannot succeed.",
        patterns=(
            "TABLE_NOT_FOUND: .*_[0-9a-f]{8}_[0-9]+' does not exist",
            "not in the catalog, .*_[0-9a-f]{8}_[0-9]+",
            "the staging table .* does not exist",
            "no data at .*, so nothing is published",
        ),
    ),
    Explanation(
        "Checks failed",
        "A check found an error in the tables that were built, so none of this service was "
        "published; readers still have those of before.",
        "See which checks found what, put the logs or the settings right, and run the service "
        "again; `otel-analytics verify` runs the same checks on what is published.",
        errors=("ChecksFailed",),
    ),
    Explanation(
        "Unknown service",
        "The logs hold no event of the service in the longest window, that of `mau`.",
        "Compare the name with those that the cause lists, ingest the service's logs, or give "
        "`--execution-date` a day after its events.",
        errors=("UnknownService",),
    ),
    Explanation(
        "A newer date is published",
        "The tables of a later execution date are published; these entered the history alone.",
        "Read them in the `…_history` tables; to publish them all the same, run with "
        '`--replace-newer`, or `"replace_newer": true` in the payload.',
        errors=("NewerPublished",),
    ),
    Explanation(
        "A table was changed meanwhile",
        "Someone else changed a table in Glue while it was published, or another execution took "
        "too long over publishing the same service.",
        "Run the service again: what was begun is completed first, and no table is half of one and "
        "half of another.",
        errors=("CatalogChanged",),
        texts=("another execution publishes the tables", "took longer than it may: run again"),
    ),
    Explanation(
        "A published table lies above what is built",
        "The published table's data lie directly at its root, and Athena reads a folder with all "
        "that is below it, so its readers would see staging data.",
        "Set `athena.s3_base` to another prefix and deploy again; the first publication takes the "
        "name over, and the old data stay where they are.",
        texts=("its readers would also read what is built below it",),
        source=f"{_ATHENA}/tables-location-format.html",
    ),
    Explanation(
        "Invalid input",
        "The payload is not what the state machine takes; nothing was begun.",
        "Correct the field that the cause names, and start another execution.",
        errors=("InvalidInput",),
    ),
    Explanation(
        "Invalid event of a Lambda",
        "A Lambda function was called with an event, or a name in one, that it does not take; of "
        "this service nothing was published.",
        "Correct what the cause names: in the pipeline it comes of a setting (a database, an "
        "address, a table), in a document of your own of the state's `Payload`. Then run again.",
        errors=("InvalidPayload", "InvalidName"),
    ),
    Explanation(
        "Broken check",
        "A `.sql` file of the folder `checks.folder` is not what its header says, or is no SELECT; "
        "nothing of this service was published.",
        "Correct the file at the line that the cause names (`otel-analytics verify` reads it too), "
        "or take it out of the folder; then run again.",
        errors=("CheckError",),
    ),
    Explanation(
        "The process died",
        "The process that carried the execution out is gone (killed, or the machine went down); "
        "what was published stays as it was.",
        "Go on where it stopped with `otel-analytics asl redrive ID`, or run the services again; "
        "`otel-analytics clean` finds what the dead execution left.",
        errors=("ProcessDied",),
    ),
    Explanation(
        "Resources exhausted",
        "The query needed more memory than it could have.",
        "Read less: check that `source.partitions` names the table's date partitions, and set "
        "`min_data_date`; on a laptop, raise `memory_limit`.",
        texts=(
            "exhausted resources",
            "EXHAUSTED_RESOURCES_AT_THIS_SCALE_FACTOR",
            "EXCEEDED_MEMORY_LIMIT",
            "EXCEEDED_LOCAL_MEMORY_LIMIT",
            "EXCEEDED_GLOBAL_MEMORY_LIMIT",
        ),
        source=f"{_ATHENA}/performance-tuning-service-level-considerations.html",
    ),
    Explanation(
        "Concurrent query limit",
        "As many queries run and wait in the account as its quota allows.",
        "The task is tried again by itself; if that is not enough, set `concurrency.services` to "
        "1, let executions follow each other, or ask for a higher quota of active queries.",
        errors=("Athena.TooManyRequestsException", "ConcurrentExecutionLimitExceeded"),
        texts=(
            "ConcurrentExecutionLimitExceeded",
            "CONCURRENT_QUERY_LIMIT_EXCEEDED",
            "limit for the number of queries you can run concurrently",
        ),
        source=f"{_ATHENA}/service-limits.html",
    ),
    Explanation(
        "Lambda concurrency limit",
        "As many Lambda calls are at work in the account as its quota allows.",
        "The task is tried again by itself; if that is not enough, reserve concurrency for the "
        "function, or ask for a higher quota.",
        errors=("Lambda.TooManyRequestsException",),
        source=f"{_LAMBDA}/lambda-concurrency.html",
    ),
    Explanation(
        "Throttled",
        "A service of AWS was asked more often than it allows.",
        "The task is tried again by itself; if that is not enough, let executions follow each "
        "other, or ask for a higher quota.",
        errors=("Athena.ThrottlingException", "S3.SlowDownException"),
        texts=("Rate exceeded", "ThrottlingException", "SlowDown", "reduce your request rate"),
        source=f"{_ATHENA}/performance-tuning-service-level-considerations.html",
    ),
    Explanation(
        "Lambda timeout",
        "The Lambda function ran for longer than its own timeout.",
        "Set the function's timeout to 30 seconds or more; if it is, see in its log what took "
        "the time.",
        errors=("Sandbox.Timedout", "Lambda.ClientExecutionTimeoutException"),
        texts=("Lambda function execution timed out", "Task timed out after"),
        source=f"{_STATES}/bp-lambda-serviceexception.html",
    ),
    Explanation(
        "Lambda crashed",
        "The Lambda function ended without an answer, as it does when its memory is used up.",
        "See its log; give it more memory.",
        errors=("Lambda.Unknown", "Runtime.ExitError", "Runtime.OutOfMemory"),
        source=f"{_STATES}/bp-lambda-serviceexception.html",
    ),
    Explanation(
        "Lambda function missing",
        "There is no Lambda function of the name that the state machine calls.",
        "Deploy it, or correct the settings `athena.query_builder_function`, "
        "`athena.checks_builder_function` and `athena.table_publisher_function`.",
        errors=("Lambda.ResourceNotFoundException",),
    ),
    Explanation(
        "Lambda unavailable",
        "The Lambda service itself failed for a moment.",
        "The task is tried again by itself; if it keeps failing, look at AWS's health dashboard.",
        errors=(
            "Lambda.ServiceException",
            "Lambda.AWSLambdaException",
            "Lambda.SdkClientException",
        ),
        source=f"{_STATES}/bp-lambda-serviceexception.html",
    ),
    Explanation(
        "No right to a file",
        "A file or folder, most likely of the home, may not be read or written by who ran this.",
        "Give yourself the right to what the cause names (`ls -l` shows whose it is), or run as "
        "who made the home; then run again.",
        texts=("Permission denied",),
    ),
    Explanation(
        "Access denied",
        "Someone lacks a permission: the state machine, the Lambda function or the person.",
        "Grant the action on the resource that the cause names (S3, Glue, Athena, KMS or Lake "
        "Formation), then run again; a retry cannot succeed before.",
        errors=("States.Permissions", "Athena.AccessDeniedException", "AccessDeniedException"),
        texts=(
            "Access Denied",
            "AccessDenied",
            "PERMISSION_DENIED",
            "is not authorized to perform",
            "Insufficient permissions",
        ),
        source="https://repost.aws/knowledge-center/access-denied-athena",
    ),
    Explanation(
        "Disk full",
        "The disk that holds the home is full; nothing of the unfinished table was kept.",
        "Make room, then run again. On a disk without any, `clean` cannot begin: delete something "
        "else first, such as old query results, the files under `athena.output_location`. With a "
        "megabyte or two free, `otel-analytics clean --yes` deletes what executions left.",
        texts=("disk is full", "is full: make room", "No space left on device"),
    ),
    Explanation(
        "Read-only home",
        "The home may not be written; it can be read, queried and verified, no more.",
        "Make it writable, or name another home with `--home`.",
        texts=("Read-only file system", "readonly database"),
    ),
    Explanation(
        "Catalog locked",
        "Another process held the catalog of the home for too long.",
        "See what else runs (`otel-analytics executions`), and run again when it is over.",
        texts=("database is locked", "catalog is locked"),
    ),
    Explanation(
        "Location holds data",
        "A CREATE TABLE AS was to write where objects lie already; Athena does not overwrite.",
        "Tables are built at a new place in each attempt, so this comes of a query of your own or "
        "of another document: delete the objects, or name another `external_location`.",
        texts=("HIVE_PATH_ALREADY_EXISTS",),
        source=f"{_ATHENA}/ctas-considerations-limitations.html",
    ),
    Explanation(
        "Table exists already",
        "A table of that name is in the catalog.",
        "Drop it first, or write CREATE TABLE IF NOT EXISTS.",
        texts=("TABLE_ALREADY_EXISTS", "AlreadyExistsException"),
    ),
    Explanation(
        "Column not found",
        "The query names a column that the table does not have.",
        "Compare the settings under `source` with the table's columns "
        "(`otel-analytics inspect TABLE`); a retry cannot succeed before.",
        texts=("COLUMN_NOT_FOUND", "cannot be resolved"),
    ),
    Explanation(
        "Table not found",
        "The query reads a table that is not in the catalog.",
        "`otel-analytics tables` lists those that are; `logall` comes with `otel-analytics "
        "ingest`, and `source.table` names the table of raw records. A retry cannot succeed "
        "before.",
        texts=("TABLE_NOT_FOUND", "Table not found", "EntityNotFoundException"),
    ),
    Explanation(
        "Schema not found",
        "The query names a database that is not in the catalog.",
        "Create it, or correct the setting `athena.database`.",
        texts=("SCHEMA_NOT_FOUND",),
    ),
    Explanation(
        "Syntax error",
        "The statement is not Athena's SQL.",
        "The reason has line and column. In a query that was built here, it is an expression of "
        "the settings under `source` or a `.sql` file of your own; a retry cannot succeed before.",
        texts=("SYNTAX_ERROR", "ParseException", "mismatched input"),
        source=f"{_ATHENA}/troubleshooting-athena.html",
    ),
    Explanation(
        "Wrong type",
        "A value of the logs, or an expression of the settings, has another type than is needed.",
        "Correct the expression under `source`, with TRY_CAST where values may be wrong.",
        texts=("TYPE_MISMATCH", "INVALID_CAST_ARGUMENT", "INVALID_FUNCTION_ARGUMENT"),
    ),
    Explanation(
        "Damaged file",
        "A file of the table cannot be read.",
        "Remove the file that the reason names, or put a whole one in its place; what `ingest` "
        "wrote comes back by ingesting its source again.",
        texts=("HIVE_BAD_DATA", "HIVE_CURSOR_ERROR", "HIVE_CANNOT_OPEN_SPLIT"),
        source=f"{_ATHENA}/troubleshooting-athena.html",
    ),
    Explanation(
        "No such bucket",
        "A setting names an S3 bucket that does not exist, or lies in another region.",
        "Correct `athena.s3_base`, `athena.output_location` or `lake`.",
        texts=("NoSuchBucket", "Unable to verify/create output bucket"),
    ),
    Explanation(
        "Query timeout",
        "The query ran for longer than Athena lets any query run.",
        "Read less (`min_data_date`, partitions), or ask for a higher DML query timeout.",
        texts=("EXCEEDED_TIME_LIMIT", "Query timeout"),
        source=f"{_ATHENA}/service-limits.html",
    ),
    Explanation(
        "Query cancelled",
        "Someone or something stopped the query: a person, a timeout, or a limit of the work "
        "group on scanned data.",
        "Run again; if it comes back, look at the work group's data usage controls.",
        texts=("Query cancelled", "Query was cancelled", "Bytes scanned limit was exceeded"),
        source=f"{_ATHENA}/workgroups-setting-control-limits-cloudwatch.html",
    ),
    Explanation(
        "Task timeout",
        "The task took longer than the `TimeoutSeconds` of its state.",
        "It is tried again at a new place. If that is not enough, read less (`min_data_date`), or "
        "see whether queries queue behind others in the account.",
        errors=("States.Timeout", "States.HeartbeatTimeout"),
        source=f"{_STATES}/concepts-error-handling.html",
    ),
    Explanation(
        "Payload too large",
        "A state handed on more than 262,144 bytes.",
        "Run fewer services in one execution.",
        errors=("States.DataLimitExceeded",),
        source=f"{_STATES}/service-quotas.html",
    ),
    Explanation(
        "History full",
        "The execution reached 25,000 events, the most that a history holds.",
        "Run fewer services in one execution.",
        texts=("maximum number of history events",),
        source=f"{_STATES}/service-quotas.html",
    ),
    Explanation(
        "Expression failed",
        "A JSONata expression of the document could not be evaluated on its input.",
        "The cause names state and field; `otel-analytics history ID` has the state's input.",
        errors=("States.QueryEvaluationError",),
        source=f"{_STATES}/transforming-data.html",
    ),
    Explanation(
        "Trino is not there",
        "The cluster of `--engine trino` gave no answer, so no query ran.",
        "Start it, or mend the address that the message names (the settings `trino.host`, "
        "`trino.port`, `trino.scheme`); then run again.",
        patterns=(r"^GENERIC_INTERNAL_ERROR: Trino at \S+ does not answer",),
    ),
    Explanation(
        "Internal error of the query engine",
        "The engine failed in a way that it has no better word for.",
        "The task is tried again by itself; if it fails alike each time, it is the query or its "
        "data: run it by hand (`otel-analytics sql QUERY_TYPE`) and make it smaller.",
        errors=("Athena.InternalServerException",),
        texts=("GENERIC_INTERNAL_ERROR", "INTERNAL_ERROR_QUERY_ENGINE", "internal error"),
        source=f"{_ATHENA}/error-reference.html",
    ),
    Explanation(
        "Stopped",
        "Someone stopped the execution; what was published stays as it was.",
        "Go on where it stopped with `otel-analytics asl redrive ID`, or run again.",
        errors=("Interrupted",),
    ),
)
