"""Executions and their history in the home's SQLite, in the shapes that the AWS CLI prints.

Must not know how an execution is carried out.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import msgspec

from otel_analytics.asl import check_redrive, dump_execution, load_execution
from otel_analytics.errors import Failed, InvalidName, Refused
from otel_analytics.local.runner import Runner

if TYPE_CHECKING:
    import sqlite3

    from otel_analytics.asl import Execution, Identity
    from otel_analytics.local.home import Home

__all__ = ["Executions", "Stored"]

# How many events a page of a history has at most, so that reading a few takes little.
_PAGE = 100

_COLUMNS = (
    "name, state_machine, status, start, stop, input, output, error, cause, host, pid, "
    "process_start"
)


@dataclass(frozen=True, slots=True)
class Stored:
    """An execution out of the home, with the document and the machine's name of its start."""

    definition: Any
    state_machine: str
    execution: Execution


@dataclass(frozen=True, slots=True)
class Executions:
    """The executions of a home."""

    home: Home

    def create(
        self, identity: Identity, *, value: Any, definition: Any, start: float, runner: Runner
    ) -> None:
        """Write down an execution that begins.

        Raises: InvalidName if its name is taken
        """
        with self.home.transaction() as connection:
            added = connection.execute(
                "INSERT INTO executions (name, state_machine, status, start, input, definition, "
                "host, pid, process_start) VALUES (?, ?, 'RUNNING', ?, ?, ?, ?, ?, ?) "
                "ON CONFLICT DO NOTHING",
                (
                    identity.execution_name,
                    identity.state_machine_arn,
                    start,
                    _json(value),
                    _json(definition),
                    runner.host,
                    runner.pid,
                    runner.process_start,
                ),
            ).rowcount
        if not added:
            raise InvalidName(
                f"ExecutionAlreadyExists: an execution named '{identity.execution_name}' exists: "
                "choose another name"
            )

    def append(
        self, name: str, events: list[dict[str, Any]], checkpoint: dict[str, Any] | None = None
    ) -> None:
        """Write down events of an execution, and where it stands after them."""
        with self.home.transaction() as connection:
            _append(connection, name, events)
            if checkpoint is not None:
                _keep(connection, name, checkpoint)

    def finish(self, name: str, execution: Execution, events: list[dict[str, Any]]) -> None:
        """Write down the last events, how the execution ended, and what a redrive needs."""
        output = None if execution.status != "SUCCEEDED" else _json(execution.output)
        with self.home.transaction() as connection:
            _append(connection, name, events)
            if execution.status == "SUCCEEDED":
                connection.execute("DELETE FROM checkpoints WHERE execution = ?", (name,))
            else:
                _keep(connection, name, dump_execution(execution))
            connection.execute("DELETE FROM stop_requests WHERE execution = ?", (name,))
            connection.execute(
                "UPDATE executions SET status = ?, stop = ?, output = ?, error = ?, cause = ?, "
                "transitions = ? WHERE name = ?",
                (
                    execution.status,
                    execution.stop,
                    output,
                    _text(execution.error),
                    _text(execution.cause),
                    execution.transitions,
                    name,
                ),
            )

    def request_stop(self, reference: str, error: str | None, cause: str | None) -> str:
        """Have the process that carries an execution out stop it; return the execution's name.

        Raises: InvalidName as `describe_execution` does; Refused if it is not running
        """
        described = self.describe_execution(reference)
        if described["status"] != "RUNNING":
            raise Refused(f"{described['name']} is {described['status']}: nothing is to be stopped")
        with self.home.transaction() as connection:
            connection.execute(
                "REPLACE INTO stop_requests VALUES (?, ?, ?)", (described["name"], error, cause)
            )
        return str(described["name"])

    def stop_request(self, name: str) -> tuple[str | None, str | None] | None:
        """Return the error and the cause with which someone wants an execution stopped."""
        with self.home.reading() as connection:
            row = connection.execute(
                "SELECT error, cause FROM stop_requests WHERE execution = ?", (name,)
            ).fetchone()
        return None if row is None else (row[0], row[1])

    def forget_stop_request(self, name: str) -> None:
        """Say that a request to stop an execution was heard."""
        with self.home.transaction() as connection:
            connection.execute("DELETE FROM stop_requests WHERE execution = ?", (name,))

    def claim(self, reference: str, runner: Runner) -> Stored:
        """Return an execution that did not succeed, which `runner` carries out from now on.

        Raises: InvalidName as `describe_execution` does; Refused if it succeeded, is running, or
            ended before anything of it was kept
        """
        with self.home.transaction() as connection:
            described = _described(_find(connection, reference))
            name, status = described["name"], described["status"]
            kept = connection.execute(
                "SELECT definition, state_machine, document FROM executions "
                "LEFT JOIN checkpoints ON execution = name WHERE name = ?",
                (name,),
            ).fetchone()
            if status in ("RUNNING", "SUCCEEDED") or kept[2] is None:
                why = "nothing is kept of it" if status == "ABORTED" else f"it is {status}"
                raise Refused(
                    f"ExecutionNotRedrivable: {name} cannot be redriven, {why}: start a new one"
                )
            execution = load_execution(json.loads(kept[2]))
            check_redrive(execution)
            connection.execute(
                "UPDATE executions SET status = 'RUNNING', stop = NULL, error = NULL, "
                "cause = NULL, host = ?, pid = ?, process_start = ? WHERE name = ?",
                (runner.host, runner.pid, runner.process_start, name),
            )
        execution.history = self.get_execution_history(name)
        return Stored(json.loads(kept[0]), kept[1].rpartition(":")[2], execution)

    def list_executions(
        self, *, max_results: int | None = None, status: str | None = None
    ) -> list[dict[str, Any]]:
        """Return the executions as `list-executions` shows them, newest first."""
        shown = ("executionArn", "stateMachineArn", "name", "status", "startDate", "stopDate")
        with self.home.reading() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM executions ORDER BY start DESC, name"  # noqa: S608
            )
            documents = (_described(row) for row in rows)
            asked = (one for one in documents if status in (None, one["status"]))
            return [
                {key: one[key] for key in shown if key in one} for one in islice(asked, max_results)
            ]

    def describe_execution(self, reference: str) -> dict[str, Any]:
        """Return an execution as `describe-execution` shows it.

        `reference` is its ARN, its name, or a beginning of its name that no other has.

        Raises: InvalidName if there is none, or more than one
        """
        with self.home.reading() as connection:
            return _described(_find(connection, reference))

    def get_execution_history(
        self, reference: str, *, reverse_order: bool = False, max_results: int | None = None
    ) -> list[dict[str, Any]]:
        """Return an execution's events as `get-execution-history` shows them.

        Raises: InvalidName as `describe_execution` does
        """
        order = "DESC" if reverse_order else "ASC"
        with self.home.reading() as connection:
            name = _find(connection, reference)[0]
            pages = connection.execute(
                f"SELECT events FROM history_pages WHERE execution = ? ORDER BY first_id {order}",  # noqa: S608
                (name,),
            )
            page_by_page = (_parse_page(text, reverse_order=reverse_order) for (text,) in pages)
            return list(islice(chain.from_iterable(page_by_page), max_results))

    def events_after(self, arn: str, seen: int) -> list[dict[str, Any]]:
        """Return the events that were not seen yet, oldest first; newer pages are read alone."""
        with self.home.reading() as connection:
            pages = connection.execute(
                "SELECT events FROM history_pages WHERE execution = ? AND first_id > ? "
                "ORDER BY first_id",
                (_find(connection, arn)[0], seen - _PAGE),
            )
            events = (
                event for (text,) in pages for event in _parse_page(text, reverse_order=False)
            )
            return [event for event in events if event["id"] > seen]

    def transitions(self, reference: str) -> int:
        """Return how many state transitions an execution took, as AWS bills them.

        Raises: InvalidName as `describe_execution` does
        """
        with self.home.reading() as connection:
            name = _find(connection, reference)[0]
            row = connection.execute(
                "SELECT transitions FROM executions WHERE name = ?", (name,)
            ).fetchone()
        return int(row[0])

    def definition(self, reference: str) -> Any:
        """Return the document with which an execution was started.

        Raises: InvalidName as `describe_execution` does
        """
        with self.home.reading() as connection:
            name = _find(connection, reference)[0]
            row = connection.execute(
                "SELECT definition FROM executions WHERE name = ?", (name,)
            ).fetchone()
        return json.loads(row[0])

    def runner(self, reference: str) -> Runner:
        """Return the process that carries, or carried, an execution out."""
        with self.home.reading() as connection:
            name = _find(connection, reference)[0]
            row = connection.execute(
                "SELECT host, pid, process_start FROM executions WHERE name = ?", (name,)
            ).fetchone()
        return Runner(*row)


def _find(connection: sqlite3.Connection, reference: str) -> Any:
    name = reference.rpartition(":")[2] if reference.startswith("arn:") else reference
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM executions "  # noqa: S608
        "WHERE name = ?1 OR substr(name, 1, length(?1)) = ?1 ORDER BY name <> ?1, name LIMIT 6",
        (name,),
    ).fetchall()
    if rows and (rows[0][0] == name or len(rows) == 1) and name:
        return rows[0]
    if not rows or not name:
        raise InvalidName(
            f"ExecutionDoesNotExist: there is no execution '{reference[:200]}': "
            "`otel-analytics executions` lists them"
        )
    names = ", ".join(row[0] for row in rows[:5])
    raise InvalidName(f"'{reference}' begins the names of several executions: {names}: write more")


def _append(connection: sqlite3.Connection, name: str, events: list[dict[str, Any]]) -> None:
    pages = (events[at : at + _PAGE] for at in range(0, len(events), _PAGE))
    connection.executemany(
        "INSERT INTO history_pages VALUES (?, ?, ?)",
        ((name, page[0]["id"], _json(page)) for page in pages),
    )


def _parse_page(text: str, *, reverse_order: bool) -> list[dict[str, Any]]:
    try:
        events: list[dict[str, Any]] = msgspec.json.decode(text)
    except msgspec.DecodeError:  # half of a surrogate pair
        events = json.loads(text)
    return events[::-1] if reverse_order else events


def _keep(connection: sqlite3.Connection, name: str, checkpoint: dict[str, Any]) -> None:
    connection.execute("REPLACE INTO checkpoints VALUES (?, ?)", (name, _json(checkpoint)))


def _json(value: Any) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except (UnicodeEncodeError, OverflowError, RecursionError):
        pass  # half of a surrogate pair, which SQLite cannot keep either; deep data
    try:
        return json.dumps(value, separators=(",", ":"))
    except RecursionError:
        raise Failed("the data of the execution nest too deeply to be kept") from None


def _text(text: str | None) -> str | None:
    """Return a text as SQLite can keep it: half of a surrogate pair is written out."""
    return None if text is None else text.encode(errors="backslashreplace").decode()


def _described(row: Any) -> dict[str, Any]:
    name, state_machine, status, start, stop, value, output, error, cause, *who = row
    runner = Runner(*who)
    if status == "RUNNING" and runner.is_dead():
        status, error = "ABORTED", "ProcessDied"
        cause = (
            f"The process {runner.pid}, which carried the execution out, is gone; this goes on "
            f"where it stopped: otel-analytics asl redrive {name}"
        )
    document = {
        "executionArn": f"{state_machine.replace(':stateMachine:', ':execution:')}:{name}",
        "stateMachineArn": state_machine,
        "name": name,
        "status": status,
        "startDate": _iso_time(start),
        "stopDate": None if stop is None else _iso_time(stop),
        "input": value,
        "inputDetails": {"included": True},
        "output": output,
        "outputDetails": None if output is None else {"included": True},
        "error": error,
        "cause": cause,
    }
    return {key: item for key, item in document.items() if item is not None}


def _iso_time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
