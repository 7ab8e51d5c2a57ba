"""`asl`: any document in the Amazon States Language, executed or checked here."""

from __future__ import annotations

import json
import re
import sys
import time
from contextlib import redirect_stdout
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from otel_analytics.cli.input import read_json
from otel_analytics.cli.options import json_option, settings_of, settings_options
from otel_analytics.cli.output import say

if TYPE_CHECKING:
    from otel_analytics.asl import Clock
    from otel_analytics.local.embedded import EmbeddedAws

__all__ = ["asl_command"]

_STOP_PATIENCE_S: Final = 10
_STOP_POLL_S: Final = 0.02
# With these the pipeline fails once every service has been dealt with.
_BEHIND_SERVICES: Final = ("ServicesFailed", "SummaryNotStored")


@click.group("asl", short_help="Run or check any document in the Amazon States Language.")
def asl_command() -> None:
    """Run or check any document in the Amazon States Language.

    Tasks may use Athena, S3 and Glue, which are embedded, and the Lambdas that are given.
    """


_lambda_option = click.option(
    "--lambda",
    "lambdas",
    metavar="NAME=FILE.py:function",
    multiple=True,
    help="A function by its name, name:alias or ARN; may be repeated.",
)
_state_machine_option = click.option(
    "--state-machine",
    "state_machines",
    metavar="NAME=DOCUMENT.json",
    multiple=True,
    help="A document whose executions a state may start, by name or ARN; may be repeated.",
)
_instant_option = click.option(
    "--instant", is_flag=True, help="Waits and the delays of retries take no time."
)


@asl_command.command("run", short_help="Run a document.")
@click.argument("document", metavar="DOCUMENT")
@click.option("--input", "input_file", metavar="FILE", help="The input as JSON; - for stdin.")
@_lambda_option
@_state_machine_option
@click.option("--name", help="The execution's name; default: a new UUID.")
@_instant_option
@json_option
@settings_options
@click.pass_context
def run_command(  # noqa: PLR0913 - each option is one
    ctx: click.Context,
    /,
    *,
    document: str,
    input_file: str | None,
    lambdas: tuple[str, ...],
    state_machines: tuple[str, ...],
    name: str | None,
    instant: bool,
    as_json: bool,
    **flags: Any,
) -> None:
    """Run a document; without --input, on {}.

    Prints the output, or with --json one object: status, output, error, cause, history and
    transitions. Exits with 1 unless the execution succeeded, with 2 if the document, the input, a
    Lambda or a nested state machine was refused. Ends when the nested executions have ended, also
    those for which no state waits.
    """
    from otel_analytics import asl
    from otel_analytics.cli.engines import open_local
    from otel_analytics.local.function_files import load_functions
    from otel_analytics.local.state_machine_files import check_references, load_machines
    from otel_analytics.local.step_functions import StepFunctions

    definition = _read(document)
    machine = asl.parse(definition)
    value = _input(input_file)
    machines = load_machines(state_machines)
    # What a Lambda prints is no data of ours.
    with redirect_stdout(sys.stderr):
        functions = load_functions(lambdas)
        check_references(machine, functions, machines)
        with open_local(settings_of(ctx, flags)) as aws:
            step_functions = StepFunctions(
                aws.athena, aws.executions, functions, machines, clock=_clock(instant=instant)
            )
            execution = step_functions.start_execution(
                definition, value, name=name, state_machine=_machine_name(document)
            )
            report = _report(aws, execution)
    _print(report, as_json=as_json)


@asl_command.command("redrive", short_help="Go on with an execution that did not succeed.")
@click.argument("execution", metavar="ID")
@_lambda_option
@_state_machine_option
@_instant_option
@json_option
@settings_options
@click.pass_context
def redrive_command(
    ctx: click.Context,
    /,
    *,
    execution: str,
    lambdas: tuple[str, ...],
    state_machines: tuple[str, ...],
    instant: bool,
    as_json: bool,
    **flags: Any,
) -> None:
    """Go on with an execution that failed, was stopped, or whose process died.

    ID is its ARN, its name, or the beginning of its name. It goes on from the states that failed;
    what had succeeded is not run again. Its Lambdas and nested state machines must be given anew;
    those of `run` need not. A state that failed with its nested execution starts another.
    """
    from otel_analytics import asl
    from otel_analytics.cli.engines import open_local
    from otel_analytics.local.function_files import load_functions
    from otel_analytics.local.state_machine_files import check_references, load_machines
    from otel_analytics.local.step_functions import STATE_MACHINE

    with redirect_stdout(sys.stderr), open_local(settings_of(ctx, flags)) as aws:
        step_functions = aws.step_functions(now=lambda: datetime.now(UTC))
        described = aws.executions.describe_execution(execution)
        is_ours = described["stateMachineArn"].endswith(f":{STATE_MACHINE}")
        if is_ours:
            _check_redrive(aws, described)
        functions = {
            **(step_functions.functions if is_ours else {}),
            **load_functions(lambdas),
        }
        machine = asl.parse(aws.executions.definition(execution))
        machines = {**step_functions.machines, **load_machines(state_machines)}
        check_references(machine, functions, machines)
        step_functions = replace(
            step_functions, functions=functions, machines=machines, clock=_clock(instant=instant)
        )
        report = _report(aws, step_functions.redrive_execution(execution))
    _print(report, as_json=as_json)


def _check_redrive(aws: EmbeddedAws, described: dict[str, Any]) -> None:
    """Check that a redrive of an execution of the pipeline would do something.

    Raises: Refused naming the services to run again, if it failed only once all were dealt with
    """
    from otel_analytics.cli.results import summary_of
    from otel_analytics.errors import Refused

    if described.get("error") not in _BEHIND_SERVICES:
        return
    results = (summary_of(described, aws.store) or {}).get("results", ())
    failed = [one["service_name"] for one in results if one["status"] != "COMPLETED"]
    raise Refused(
        f"{described['name']} ended with {described['error']}, behind its services: a redrive "
        "would fail alike and build nothing; run those again that failed: otel-analytics run "
        f"{' '.join(failed) or 'SERVICE…'}"
    )


@asl_command.command("stop", short_help="Stop a running execution.")
@click.argument("execution", metavar="ID")
@click.option("--error", help="The error with which it ends.")
@click.option("--cause", help="The cause with which it ends.")
@settings_options
@click.pass_context
def stop_command(
    ctx: click.Context,
    /,
    *,
    execution: str,
    error: str | None,
    cause: str | None,
    **flags: Any,
) -> None:
    """Have a running execution, of whatever process, end as ABORTED.

    ID is its ARN, its name, or the beginning of its name.
    """
    from otel_analytics.cli.engines import open_local
    from otel_analytics.errors import Failed

    with open_local(settings_of(ctx, flags)) as aws:
        name = aws.executions.request_stop(execution, error, cause)
        given_up = time.monotonic() + _STOP_PATIENCE_S
        while aws.executions.stop_request(name) is not None:
            if time.monotonic() > given_up:
                raise Failed(
                    f"{name} has not heard the request within {_STOP_PATIENCE_S} s; it stops when "
                    f"it does: otel-analytics describe {name}"
                )
            time.sleep(_STOP_POLL_S)
    say(f"{name} stops: otel-analytics describe {name}")


@asl_command.command("validate", short_help="Check a document.")
@click.argument("document", metavar="DOCUMENT")
@json_option
def validate_command(*, document: str, as_json: bool) -> None:
    """Check a document: exits with 2 and says which field is wrong, if one is."""
    from otel_analytics import asl

    machine = asl.parse(_read(document))
    states = sum(len(flow.states) for flow in machine.flows)
    if as_json:
        _print_json({"valid": True, "states": states})
    else:
        say(f"{document} is valid: {states} states")


def _read(document: str) -> str:
    from otel_analytics.local.state_machine_files import read_document

    return sys.stdin.read() if document == "-" else read_document(document)


def _clock(*, instant: bool) -> Clock:
    from otel_analytics import asl

    return asl.SkippingClock() if instant else asl.SystemClock()


def _input(input_file: str | None) -> Any:
    return {} if input_file is None else read_json(input_file)


def _machine_name(document: str) -> str:
    """Return what the state machine is called: as its file, in the characters that AWS allows."""
    stem = Path(document).name.partition(".")[0]
    return re.sub(r"[^A-Za-z0-9_-]", "-", stem)[:80] or "state-machine"


def _report(aws: EmbeddedAws, execution: dict[str, Any]) -> dict[str, Any]:
    output = execution.get("output")
    name = execution["name"]
    return {
        "status": execution["status"],
        "output": None if output is None else json.loads(output),
        "error": execution.get("error"),
        "cause": execution.get("cause"),
        "history": aws.executions.get_execution_history(name),
        "transitions": aws.executions.transitions(name),
        "name": name,
        "executionArn": execution["executionArn"],
    }


def _print(report: dict[str, Any], *, as_json: bool) -> None:
    name = report["name"]
    if as_json:
        _print_json(report)
    if report["status"] == "SUCCEEDED":
        if not as_json:
            _print_json(report["output"])
        say(f"{name} SUCCEEDED after {report['transitions']} transitions")
        return
    reason = f"{report['error'] or '(no error name)'}: {report['cause'] or '(no cause)'}"
    say(f"otel-analytics: {name} {report['status']}: {reason}")
    say(f"  see: otel-analytics history {name} --reverse-order")
    sys.exit(1)


def _print_json(value: Any) -> None:
    # Not `print_json`: a document's numbers and texts may be ones that msgspec does not write.
    try:
        text = json.dumps(value, ensure_ascii=False, indent=2)
        text.encode()
    except (UnicodeEncodeError, RecursionError):  # half of a surrogate pair; deep data
        text = json.dumps(value)
    click.echo(text)
