"""Lambda as a call: what `lambda:invoke` and a function's own ARN do in a state machine."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Mapping
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from otel_analytics.asl import TaskFailed
from otel_analytics.errors import InvalidDocument

if TYPE_CHECKING:
    from otel_analytics.asl import StateMachine, TaskContext

__all__ = [
    "INVOKE",
    "Functions",
    "check_functions",
    "find_function",
    "function_name",
    "invoke",
    "invoke_directly",
]

INVOKE: Final = "arn:aws:states:::lambda:invoke"

Functions = Mapping[str, Callable[[Any], Any]]


def function_name(reference: str) -> str:
    """Return a function's name: that of `arn:aws:lambda:…:function:name:alias` is `name`."""
    return _parts(reference)[0]


def find_function(functions: Functions, reference: str) -> Callable[[Any], Any] | None:
    """Return the function that a name, `name:alias`, an ARN or the end of one refers to.

    One that was given without an alias answers for all of its aliases.
    """
    if reference in functions:
        return functions[reference]
    name, alias = _parts(reference)
    by_parts = {_parts(given): function for given, function in functions.items()}
    return by_parts.get((name, alias)) or by_parts.get((name, ""))


def check_functions(machine: StateMachine, functions: Functions) -> None:
    """Check that every function that the document names is there.

    Raises: InvalidDocument naming the function and where it stands
    """
    for task in machine.tasks():
        where, reference = f"{task.head.where}.Resource", task.resource
        if task.resource == INVOKE:
            where, reference = task.argument("FunctionName")
        elif not task.resource.startswith("arn:aws:lambda:"):
            continue
        if isinstance(reference, str) and find_function(functions, reference) is None:
            raise InvalidDocument(
                f"there is no function {reference} here: give it with "
                f"--lambda {function_name(reference)}=FILE.py:function",
                where=where,
            )


def _parts(reference: str) -> tuple[str, str]:
    """Return name and alias."""
    _, found, rest = reference.rpartition(":function:")
    name, _, alias = (rest if found else reference).partition(":")
    return name, "" if alias == "$LATEST" else alias


def invoke(functions: Functions, arguments: Any, _context: TaskContext) -> dict[str, Any]:
    """Return what the integration `lambda:invoke` gives.

    Raises: TaskFailed as AWS fails the state
    """
    if not isinstance(arguments, dict) or not isinstance(arguments.get("FunctionName"), str):
        raise TaskFailed("Lambda.InvalidParameterValueException", "FunctionName is missing")
    name, payload = arguments["FunctionName"], arguments.get("Payload")
    if isinstance(payload, str):
        payload = _parsed(payload)
    if isinstance(qualifier := arguments.get("Qualifier"), str):
        name = f"{name}:{qualifier}"
    response = _response(_call(functions, name, payload))
    # AWS gives the end of the function's log; here it went to stderr.
    return {**response, "LogResult": ""} if arguments.get("LogType") == "Tail" else response


def invoke_directly(functions: Functions, arguments: Any, context: TaskContext) -> Any:
    """Return what a Task whose resource is a function's ARN gives: the bare payload.

    Raises: TaskFailed as AWS fails the state
    """
    return _call(functions, context.resource, arguments)


def _parsed(payload: str) -> Any:
    """Return what a text says: a payload that is a text is taken for the JSON itself.

    Raises: TaskFailed if it is no JSON
    """
    try:
        return json.loads(payload)
    except ValueError as error:
        raise TaskFailed(
            "Lambda.InvalidRequestContentException",
            f"Could not parse request body into json: {error}",
        ) from error


def _call(functions: Functions, name_or_arn: str, event: Any) -> Any:
    function = find_function(functions, name_or_arn)
    if function is None:
        raise TaskFailed(
            "Lambda.ResourceNotFoundException",
            f"Function not found: {name_or_arn} (there are: {', '.join(functions) or 'none'})",
        )
    try:
        # A function on AWS sees JSON and gives JSON; what would not pass there must not pass here.
        # No payload is an empty object to it.
        result = function({} if event is None else json.loads(json.dumps(event)))
        if isinstance(result, bytes):
            return _read(result)
        return json.loads(json.dumps(result, allow_nan=False))
    except Exception as error:  # the edge of a Lambda
        raise TaskFailed(type(error).__name__, _error_document(error)) from error


def _read(payload: bytes) -> Any:
    """Return what bytes say, which Python's runtime of Lambda hands on as they are."""
    try:
        return json.loads(payload)
    except ValueError:
        return payload.decode(errors="replace")


def _error_document(error: Exception) -> str:
    """Return what the Python runtime of Lambda answers for an exception.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html
    """
    frames = traceback.extract_tb(error.__traceback__)[1:]
    trace = [
        f'  File "{frame.filename}", line {frame.lineno}, in {frame.name}\n    {frame.line}\n'
        for frame in frames
    ]
    return json.dumps(
        {
            "errorMessage": str(error),
            "errorType": type(error).__name__,
            "requestId": str(uuid4()),
            "stackTrace": trace,
        },
        ensure_ascii=False,
    )


def _response(payload: Any) -> dict[str, Any]:
    request = str(uuid4())
    headers = {
        "Connection": "keep-alive",
        "Content-Length": str(len(json.dumps(payload).encode())),
        "Content-Type": "application/json",
        "Date": formatdate(usegmt=True),
        "X-Amz-Executed-Version": "$LATEST",
        "x-amzn-RequestId": request,
    }
    return {
        "ExecutedVersion": "$LATEST",
        "Payload": payload,
        "SdkHttpMetadata": {
            "AllHttpHeaders": {name: [value] for name, value in headers.items()},
            "HttpHeaders": headers,
            "HttpStatusCode": 200,
        },
        "SdkResponseMetadata": {"RequestId": request},
        "StatusCode": 200,
    }
