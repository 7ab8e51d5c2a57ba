"""`asl redrive` and `asl stop`: executions that other processes began."""

from __future__ import annotations

import json
import signal
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.shell import ended

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from subprocess import Popen

    from tests.cli.shell import Shell

INVOKE = "arn:aws:states:::lambda:invoke"
# Each call leaves a line; `slow` is at work until a file says that it may go on.
FUNCTIONS = """
import pathlib, threading

here = pathlib.Path(__file__).parent

def note(name):
    with (here / "calls").open("a") as calls:
        calls.write(name + "\\n")

def quick(event, context):
    note("quick")
    return "quick"

def slow(event, context):
    note("slow")
    for _ in range(3000):
        if (here / "go").exists():
            return "slow"
        threading.Event().wait(0.01)
    raise TimeoutError("nobody said go")

def broken(event, context):
    note("broken")
    if not (here / "go").exists():
        raise LookupError("not yet")
    return "mended"
"""


def call(function: str, **fields: Any) -> dict[str, Any]:
    arguments = {"FunctionName": function, "Payload": {}}
    output = "{% $states.result.Payload %}"
    state = {"Type": "Task", "Resource": INVOKE, "Arguments": arguments, "Output": output}
    return {**state, **(fields or {"End": True})}


def document(last: str) -> dict[str, Any]:
    branches = [
        {"StartAt": "Quick", "States": {"Quick": call("quick")}},
        {"StartAt": "Last", "States": {"Last": call(last)}},
    ]
    states = {
        "First": call("quick", Next="Both"),
        "Both": {"Type": "Parallel", "Branches": branches, "End": True},
    }
    return {"QueryLanguage": "JSONata", "StartAt": "First", "States": states}


class Work:
    """A working folder with the functions, and what they were called for."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell
        self.functions = shell.folder / "functions.py"
        self.functions.write_text(FUNCTIONS)
        (shell.folder / "calls").touch()

    def options(self, *names: str) -> list[str]:
        return [f"--lambda={name}={self.functions}:{name}" for name in names]

    def machine(self, last: str) -> Path:
        file = self.shell.folder / "machine.json"
        file.write_text(json.dumps(document(last)))
        return file

    def calls(self) -> list[str]:
        return (self.shell.folder / "calls").read_text().split()

    def go(self) -> None:
        (self.shell.folder / "go").touch()

    def describe(self) -> Any:
        return self.shell.done("describe", "one", "--json").json


@pytest.fixture
def work(shell: Shell) -> Work:
    return Work(shell)


def until(holds: Callable[[], bool]) -> None:
    patience = threading.Event()
    for _ in range(1500):
        if holds():
            return
        patience.wait(0.02)
    raise AssertionError("it did not come about in 30 s")


@pytest.fixture
def at_work(work: Work) -> Iterator[Popen[str]]:
    """A process in which a function is at work, its events so far recorded."""
    process = work.shell.start(
        "asl", "run", work.machine("slow"), "--name", "one", *work.options("quick", "slow")
    )
    until(lambda: work.calls().count("slow") == 1)
    until(lambda: len(work.shell.done("history", "one", "--json").json) == 16)
    yield process
    process.kill()
    process.communicate()


def test_an_execution_whose_process_died_is_shown_so_and_goes_on(
    work: Work, at_work: Popen[str]
) -> None:
    assert work.describe()["status"] == "RUNNING"
    at_work.send_signal(signal.SIGKILL)
    at_work.wait()

    shown = work.describe()
    assert (shown["status"], shown["error"]) == ("ABORTED", "ProcessDied")
    assert "otel-analytics asl redrive one" in shown["cause"]
    (listed,) = work.shell.done("executions", "--json").json["executions"]
    assert listed["status"] == "ABORTED"

    work.go()
    report = work.shell.done("asl", "redrive", "one", "--json", *work.options("quick", "slow")).json
    assert (report["status"], report["output"]) == ("SUCCEEDED", ["quick", "slow"])
    # the branches run at once: which of them calls first is not promised
    assert sorted(work.calls()) == ["quick", "quick", "slow", "slow"]
    types = [event["type"] for event in report["history"]]
    assert types.count("ExecutionStarted") == types.count("ExecutionRedriven") == 1
    assert [event["id"] for event in report["history"]] == list(range(1, len(types) + 1))
    assert work.describe()["status"] == "SUCCEEDED"


def test_a_running_execution_is_stopped_from_another_process(
    work: Work, at_work: Popen[str]
) -> None:
    work.shell.done("asl", "stop", "one", "--error", "Enough", "--cause", "nobody needs it")
    work.go()
    left = ended(at_work)
    assert left.exit_code == 1
    assert "one ABORTED: Enough: nobody needs it" in left.stderr
    shown = work.describe()
    assert (shown["status"], shown["error"]) == ("ABORTED", "Enough")
    events = work.shell.done("history", "one", "--json").json
    assert events[-1]["type"] == "ExecutionAborted"
    assert "nothing is to be stopped" in work.shell.refused("asl", "stop", "one")


def test_an_execution_at_work_elsewhere_cannot_be_redriven(work: Work, at_work: Popen[str]) -> None:
    said = work.shell.refused("asl", "redrive", "one", *work.options("quick", "slow"))
    assert "ExecutionNotRedrivable: one cannot be redriven, it is RUNNING" in said
    work.go()
    assert ended(at_work).exit_code == 0


def test_a_failed_execution_goes_on_once_its_function_is_mended(work: Work) -> None:
    options = work.options("quick", "broken")
    failed = work.shell.run("asl", "run", work.machine("broken"), "--name", "one", *options)
    assert failed.exit_code == 1
    assert work.describe()["error"] == "LookupError"
    assert work.shell.run("asl", "redrive", "one", *options).exit_code == 1

    work.go()
    report = work.shell.done("asl", "redrive", "one", "--json", *options).json
    assert report["output"] == ["quick", "mended"]
    assert work.calls().count("broken") == 3
    events = [one for one in report["history"] if one["type"] == "ExecutionRedriven"]
    assert [one["executionRedrivenEventDetails"]["redriveCount"] for one in events] == [1, 2]
    said = work.shell.refused("asl", "redrive", "one", *options)
    assert "it is SUCCEEDED" in said


def test_a_redrive_needs_its_lambdas_and_an_execution(work: Work) -> None:
    options = work.options("quick", "broken")
    work.shell.run("asl", "run", work.machine("broken"), "--name", "one", *options)
    said = work.shell.refused("asl", "redrive", "one", *work.options("quick"))
    assert "there is no function broken here" in said
    assert work.describe()["status"] == "FAILED"
    assert "ExecutionDoesNotExist" in work.shell.refused("asl", "redrive", "two")
    assert "ExecutionDoesNotExist" in work.shell.refused("asl", "stop", "two")
