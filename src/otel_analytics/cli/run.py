"""`run`: one execution of the state machine, watched until it is over."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from otel_analytics.cli.input import read_text
from otel_analytics.cli.options import json_option, settings_of, settings_options
from otel_analytics.cli.output import print_json, print_table, say
from otel_analytics.cli.progress import Tracker, show_progress

if TYPE_CHECKING:
    from otel_analytics.local.embedded import EmbeddedAws

__all__ = ["read_payload", "run_command"]


@click.command("run", short_help="Build the seven tables of services by the state machine.")
@click.argument("services", nargs=-1, metavar="[SERVICE]…")
@click.option("--input", "input_file", metavar="FILE", help="The payload as JSON; - for stdin.")
@click.option("--execution-date", metavar="YYYY-MM-DD", help="E, for a backfill; default: today.")
@click.option("--name", help="The execution's name; default: a new UUID.")
@json_option
@settings_options
@click.pass_context
def run_command(
    ctx: click.Context,
    /,
    *,
    services: tuple[str, ...],
    input_file: str | None,
    execution_date: str | None,
    name: str | None,
    as_json: bool,
    **flags: Any,
) -> None:
    """Build the seven tables of the services, by one execution of the state machine.

    Give the services, or the whole payload with --input. Prints the execution's output; exits
    with 1 if it failed, with 2 if its input was refused.
    """
    from otel_analytics.local.embedded import open_embedded_aws
    from otel_analytics.local.run_locks import locked_services
    from otel_analytics.pipeline import build_definition

    settings = settings_of(ctx, flags)
    payload = _payload(services, input_file, execution_date)
    names = _names_of(payload)
    with (
        open_embedded_aws(settings) as aws,
        locked_services(aws.home, settings.athena.database, names),
    ):
        for warning in _check_coverage(aws, payload, names):
            say(f"warning: {warning}")
        tracker = Tracker()
        with show_progress() as show:

            def on_event(event: dict[str, Any]) -> None:
                if change := tracker.follow(event):
                    show(change)

            execution = aws.step_functions(now=lambda: datetime.now(UTC)).start_execution(
                build_definition(settings), payload, name=name, on_event=on_event
            )
    _print(execution, as_json=as_json)
    if execution["status"] != "SUCCEEDED":
        sys.exit(2 if execution.get("error") == "InvalidInput" else 1)


def _payload(services: tuple[str, ...], input_file: str | None, execution_date: str | None) -> Any:
    from otel_analytics.errors import InvalidPayload
    from otel_analytics.names import parse_date, parse_service_names

    if bool(services) == bool(input_file):
        raise InvalidPayload("name the services, or give the payload with --input FILE")
    if input_file:
        payload: Any = read_payload(input_file)
    else:
        payload = {"service_names": list(parse_service_names(services, field="SERVICE"))}
    if execution_date is not None:
        parse_date(execution_date, field="--execution-date")
        if not isinstance(payload, dict):
            raise InvalidPayload("--execution-date needs a payload that is an object")
        payload["execution_date"] = execution_date
    return payload


def read_payload(input_file: str) -> Any:
    """Return the JSON of a file, or of stdin for `-`.

    Raises: InvalidPayload
    """
    from otel_analytics.errors import InvalidPayload

    try:
        return json.loads(read_text(input_file))
    except (ValueError, RecursionError) as error:
        raise InvalidPayload(f"is not JSON: {error}", where=input_file) from error


def _names_of(payload: Any) -> tuple[str, ...]:
    """Return the services of a payload; none of a wrong one, which the state machine refuses."""
    from otel_analytics.errors import InvalidName
    from otel_analytics.names import parse_service_names
    from otel_analytics.pipeline import INPUT_FIELDS

    if not isinstance(payload, dict) or not payload.keys() <= set(INPUT_FIELDS):
        return ()
    try:
        return parse_service_names(payload.get("service_names"))
    except InvalidName:
        return ()


def _check_coverage(aws: EmbeddedAws, payload: Any, names: tuple[str, ...]) -> list[str]:
    """Return what will make tables empty; a wrong payload is left to the state machine.

    Raises: Refused if there are no logs; UnknownService if there are none of a service
    """
    from otel_analytics.errors import InvalidName
    from otel_analytics.query.coverage import check_coverage
    from otel_analytics.query.handler import execution_date_of

    if not names:
        return []
    try:
        execution_date = execution_date_of(
            payload, settings=aws.settings, now=lambda: datetime.now(UTC)
        )
    except InvalidName:
        return []
    _check_source(aws)
    return check_coverage(
        names, execution_date=execution_date, settings=aws.settings, run_query=aws.rows
    )


def _check_source(aws: EmbeddedAws) -> None:
    from otel_analytics.errors import Refused
    from otel_analytics.lake.schema import LOGALL_TABLE
    from otel_analytics.local.catalog import EntityNotFound
    from otel_analytics.query.statements import TableName

    database, table = aws.settings.athena.database, aws.settings.source.table
    try:
        aws.catalog.table(TableName(table, database))
    except EntityNotFound as error:
        how = (
            "put logs into it with otel-analytics ingest PATH…"
            if table == LOGALL_TABLE
            else "create it with otel-analytics query 'CREATE EXTERNAL TABLE …'"
        )
        raise Refused(f"there is no table {database}.{table} yet: {how}") from error


def _print(execution: dict[str, Any], *, as_json: bool) -> None:
    started = datetime.fromisoformat(execution["startDate"])
    seconds = (datetime.fromisoformat(execution["stopDate"]) - started).total_seconds()
    if as_json:
        print_json(execution)
    if execution["status"] == "SUCCEEDED":
        if not as_json:
            _print_output(json.loads(execution["output"]))
        say(f"{execution['name']} SUCCEEDED in {seconds:.2f} s")
        return
    say(f"otel-analytics: {execution['name']} {execution['status']} after {seconds:.2f} s")
    say(f"  {execution.get('error', '')}: {_reason(execution.get('cause', ''))}")
    say(f"  see: otel-analytics history {execution['name']} --reverse-order")


def _print_output(output: dict[str, Any]) -> None:
    print_table(
        ("service", "table", "execution_date", "scanned"),
        [
            (
                service["service_name"],
                table["table"],
                table["execution_date"],
                f"{table['scanned_bytes'] / 1_000_000:.2f} MB",
            )
            for service in output["tables"]
            for table in service["tables"]
        ],
    )
    summary = output["execution_summary"]
    click.echo(
        f"{output['status']}: {summary['processed_services']} services in database "
        f"{summary['database']}"
    )


def _reason(cause: str) -> str:
    """Return what a person needs of a cause: of a failed query its reason, of a Lambda its text."""
    try:
        document = json.loads(cause)
    except ValueError:
        return cause
    if not isinstance(document, dict):
        return cause
    query = document.get("QueryExecution", {})
    reason = query.get("Status", {}).get("StateChangeReason") if isinstance(query, dict) else None
    return str(reason or document.get("errorMessage") or cause)
