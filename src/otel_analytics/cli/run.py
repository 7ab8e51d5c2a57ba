"""`run`: one execution of the state machine, watched until it is over; or one for each date."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from otel_analytics.cli.engines import check_is_local, open_engine, open_local
from otel_analytics.cli.estimate import (
    check_budget,
    estimate_of,
    parse_budget,
    print_estimates,
)
from otel_analytics.cli.options import json_option, settings_of, settings_options
from otel_analytics.cli.output import print_json, print_table, say
from otel_analytics.cli.own_checks import check_own_checks
from otel_analytics.cli.payload import (
    check_payload,
    coverage_warnings_of,
    execution_dates,
    history_warnings_of,
    make_payload,
    service_names_of,
    with_field,
)
from otel_analytics.cli.progress import Tracker, show_progress
from otel_analytics.cli.results import (
    cost_line,
    explanation_lines,
    failure_lines,
    print_results,
    summary_of,
    warning_lines,
)
from otel_analytics.config import SOURCES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from otel_analytics.config import Settings
    from otel_analytics.local.injection import Faults
    from otel_analytics.operations.engine import Engine

__all__ = ["run_command"]

_OF_ATHENA = (
    "see what the last run scanned with otel-analytics cost, and set a limit of bytes per query in "
    "the work group"
)


@click.command("run", short_help="Build the seven tables of services by the state machine.")
@click.argument("services", nargs=-1, metavar="[SERVICE]…")
@click.option("--input", "input_file", metavar="FILE", help="The payload as JSON; - for stdin.")
@click.option("--execution-date", metavar="YYYY-MM-DD", help="E, for a backfill; default: today.")
@click.option("--from", "first", metavar="YYYY-MM-DD", help="The first E of a backfill of many.")
@click.option("--to", "last", metavar="YYYY-MM-DD", help="The last E of it; the oldest goes first.")
@click.option(
    "--replace-newer", is_flag=True, help="Publish also over tables of a later execution date."
)
@click.option(
    "--source",
    type=click.Choice(SOURCES),
    help="Build from the activity tables, refreshed first, or from the raw logs.",
)
@click.option("--name", help="The execution's name; default: a new UUID.")
@click.option(
    "--inject",
    "faults",
    metavar="STATE:ERROR[:TIMES]",
    multiple=True,
    help="Fail a task on purpose, once or TIMES times or `always`; may be repeated.",
)
@click.option("--dry-run", is_flag=True, help="Run nothing: tell what would be read, and its cost.")
@click.option(
    "--max-scan", metavar="SIZE", help="Refuse to run if it would scan more, as 10GB or 500MB."
)
@json_option
@settings_options
@click.pass_context
def run_command(  # noqa: PLR0913 - each option is one
    ctx: click.Context,
    /,
    *,
    services: tuple[str, ...],
    input_file: str | None,
    execution_date: str | None,
    first: str | None,
    last: str | None,
    replace_newer: bool,
    source: str | None,
    name: str | None,
    faults: tuple[str, ...],
    dry_run: bool,
    max_scan: str | None,
    as_json: bool,
    **flags: Any,
) -> None:
    """Build the seven tables of the services, by one execution of the state machine.

    Give the services, or the whole payload with --input. Prints what became of each service;
    exits with 1 if one failed (the others are published all the same), with 2 if the input was
    refused.

    With --from and --to there is one execution for each date, one after the other, also if one
    fails; --json then prints a list of executions.

    The ERROR of --inject is an error name such as States.Timeout or Sandbox.Timedout, FAILED or
    CANCELLED for a query that ends so, or crash; ERROR=TEXT gives its text, ERROR-after lets the
    task do its work first, and STATE@SERVICE fails the task of one service alone.

    --dry-run tells, from the footers of the Parquet files, which files and how many bytes each
    query would read, and what that would cost on AWS; --max-scan (or the setting budget.max_scan)
    refuses each run that would scan more, before any work begins, and says by how much.
    """
    settings = settings_of(ctx, flags)
    dates = execution_dates(execution_date, first, last)
    payload = make_payload(services, input_file, replace_newer=replace_newer, source=source)
    budget = parse_budget(max_scan, settings.budget.max_scan)
    check_own_checks(settings)
    if dry_run or budget is not None:
        check_is_local(settings, "an estimate (--dry-run, --max-scan, budget.max_scan)", _OF_ATHENA)
        with open_local(settings) as home:
            estimates = [estimate_of(home, payload, date) for date in dates]
        if dry_run:
            print_estimates(estimates, as_json=as_json, is_backfill=first is not None)
        check_budget(estimates, budget)
    if dry_run:
        return
    planned = _faults(faults, settings, service_names_of(payload))
    with _open(settings, planned) as aws:
        runs = _Runs(aws, payload, planned, as_json)
        for warning in (*_under_way(aws), *history_warnings_of(aws, payload, dates)):
            say(f"warning: {warning}")
        executions = []
        for date in dates:
            executions.append(runs.run(date, name if len(dates) == 1 else _named(name, date)))
            if executions[-1].get("error") == "InvalidInput":
                break  # the other dates would be refused alike
    for fault in planned.unused():
        say(f"warning: --inject {fault.spec} did not happen: its state was not reached")
    _print_all(executions, as_json=as_json, is_backfill=first is not None)
    if any(execution["status"] != "SUCCEEDED" for execution in executions):
        sys.exit(2 if executions[-1].get("error") == "InvalidInput" else 1)


def _named(name: str | None, date: str | None) -> str | None:
    """Return the name of one execution of many."""
    return None if name is None else f"{name}-{date}"


def _faults(specs: tuple[str, ...], settings: Settings, services: tuple[str, ...]) -> Faults:
    from otel_analytics import asl
    from otel_analytics.local.injection import Faults, check_faults, parse_fault
    from otel_analytics.pipeline import build_definition

    if specs:
        check_is_local(settings, "--inject", "fail it here, or in a stack of its own by hand")
    faults = [parse_fault(spec) for spec in specs]
    check_faults(faults, asl.parse(build_definition(settings)), services)
    return Faults(faults)


@contextmanager
def _open(settings: Settings, faults: Faults) -> Iterator[Engine]:
    """Open the engine; on this machine the faults happen there."""
    if settings.engine == "aws":
        with open_engine(settings) as account:
            yield account
        return
    with open_local(settings) as home:
        yield replace(home, around=faults.around)


def _under_way(aws: Engine) -> Iterator[str]:
    """Yield a warning for each execution of the pipeline that is under way."""
    from otel_analytics.pipeline.parts import is_part

    for one in aws.executions.list_executions(status="RUNNING"):
        if one["stateMachineArn"] == aws.state_machine_arn and not is_part(one["name"]):
            yield (
                f"{one['name']} is under way since {one['startDate']}: both take from the same "
                "limits, and of one service the tables of the later execution date stay published"
            )


@dataclass(frozen=True, slots=True)
class _Runs:
    """The executions of one command: the same payload, each as of its own date."""

    aws: Engine
    payload: Any
    faults: Faults
    as_json: bool
    _warned: set[str] = field(default_factory=set)

    def run(self, date: str | None, name: str | None) -> dict[str, Any]:
        """Carry out one execution, show what became of it, and return it."""
        payload = self.payload if date is None else with_field(self.payload, "execution_date", date)
        check_payload(self.aws, payload)
        execution = self._execute(payload, name)
        self._show(execution)
        if execution.get("error") in (None, "ServicesFailed"):
            self._warn(payload)
        return execution

    def _warn(self, payload: Any) -> None:
        for warning in coverage_warnings_of(self.aws, payload):
            if warning not in self._warned:
                say(f"warning: {warning}")
                self._warned.add(warning)

    def _execute(self, payload: Any, name: str | None) -> dict[str, Any]:
        tracker = Tracker()
        with show_progress() as show:

            def on_event(event: dict[str, Any]) -> None:
                self.faults.follow(event)
                if change := tracker.follow(event):
                    show(change)

            return self.aws.run(payload, name=name, on_event=on_event)

    def _show(self, execution: dict[str, Any]) -> None:
        summary = summary_of(execution, self.aws.store)
        if summary is not None:
            if not self.as_json:
                print_results(summary)
            for line in (*warning_lines(summary), cost_line(summary)):
                say(line)
        name, seconds = execution["name"], _seconds(execution)
        if execution["status"] == "SUCCEEDED":
            say(f"{name} SUCCEEDED in {seconds:.2f} s")
            return
        say(f"otel-analytics: {name} {execution['status']} after {seconds:.2f} s")
        for line in _lines_of_failure(execution) if summary is None else failure_lines(summary):
            say(f"  {line}")
        say(f"  see: otel-analytics history {name} --reverse-order")


def _lines_of_failure(execution: dict[str, Any]) -> Sequence[str]:
    from otel_analytics.pipeline.explanations import reason_of

    error, cause = execution.get("error", ""), execution.get("cause", "")
    return [f"{error}: {reason_of(cause)}", *(f"  {x}" for x in explanation_lines(error, cause))]


def _seconds(execution: dict[str, Any]) -> float:
    started = datetime.fromisoformat(execution["startDate"])
    return (datetime.fromisoformat(execution["stopDate"]) - started).total_seconds()


def _print_all(executions: list[dict[str, Any]], *, as_json: bool, is_backfill: bool) -> None:
    if as_json:
        print_json(executions if is_backfill else executions[0])
    elif is_backfill:
        print_table(
            ("execution_date", "execution", "status"),
            [
                (json.loads(one["input"])["execution_date"], one["name"], one["status"])
                for one in executions
            ],
        )
