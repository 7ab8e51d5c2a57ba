"""State machines from files: what `--state-machine NAME=DOCUMENT.json` means."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from otel_analytics import asl
from otel_analytics.errors import InvalidDocument, Refused, UnreadablePath
from otel_analytics.local.lambdas import check_functions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from otel_analytics.local.lambdas import Functions

__all__ = ["check_references", "load_machines", "read_document"]


def read_document(file: str) -> str:
    """Return the text of a state machine document.

    Raises: UnreadablePath; InvalidDocument if it is no UTF-8
    """
    try:
        return Path(file).read_text("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidDocument(f"the document is not JSON in UTF-8: {error}", where=file) from error
    except OSError as error:
        raise UnreadablePath(
            f"cannot be read: {error.strerror}: name a state machine document", where=file
        ) from error


def load_machines(options: Iterable[str]) -> dict[str, asl.StateMachine]:
    """Return the state machines of `NAME=DOCUMENT.json` options by their names.

    A name may be an ARN, with or without an alias.

    Raises: UnreadablePath; Refused if an option is malformed, or a name stands there twice;
        InvalidDocument with the file and the field
    """
    machines: dict[str, asl.StateMachine] = {}
    for option in options:
        reference, _, file = option.partition("=")
        name = asl.state_machine_name(reference)
        if not name or not file:
            raise Refused(f"--state-machine {option}: write --state-machine NAME=DOCUMENT.json")
        if name in machines:
            raise Refused(f"--state-machine {name} is given twice: give each state machine once")
        try:
            machines[name] = asl.parse(read_document(file))
        except InvalidDocument as error:
            where = file if error.where in (None, file) else f"{file}: {error.where}"
            raise InvalidDocument(error.message, where=where) from error
    return machines


def check_references(
    machine: asl.StateMachine, functions: Functions, machines: Mapping[str, asl.StateMachine]
) -> None:
    """Check that every function and state machine is there that the documents name.

    Raises: InvalidDocument naming it, and where it stands
    """
    _check(machine, functions, machines)
    for name, nested in machines.items():
        try:
            _check(nested, functions, machines)
        except InvalidDocument as error:
            where = f"state machine {name}: {error.where}"
            raise InvalidDocument(error.message, where=where) from error


def _check(
    machine: asl.StateMachine, functions: Functions, machines: Mapping[str, asl.StateMachine]
) -> None:
    check_functions(machine, functions)
    for task in machine.tasks():
        if not task.resource.startswith(asl.START_EXECUTION) or task.waits_for_token:
            continue
        where, reference = task.argument("StateMachineArn")
        if not isinstance(reference, str):
            continue
        name = asl.state_machine_name(reference)
        if name not in machines:
            raise InvalidDocument(
                f"there is no state machine {reference} here: give it with "
                f"--state-machine {name}=DOCUMENT.json",
                where=where,
            )
