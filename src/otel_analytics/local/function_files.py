"""Functions from files: what `--lambda NAME=FILE.py:function` means.

A function is called as AWS Lambda calls a Python handler, with an event and a context.
"""

from __future__ import annotations

import inspect
import sys
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from otel_analytics.errors import Refused, UnreadablePath
from otel_analytics.local.lambdas import function_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import ModuleType

__all__ = ["LambdaContext", "load_functions"]

# What Lambda allows at most; here nothing ends a function but its Task's TimeoutSeconds.
_MAX_RUN_MS = 900_000


@dataclass(frozen=True, slots=True)
class LambdaContext:
    """The second argument of a handler.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/python-context.html
    """

    function_name: str
    invoked_function_arn: str
    aws_request_id: str
    function_version: str = "$LATEST"
    memory_limit_in_mb: str = "128"

    def get_remaining_time_in_millis(self) -> int:
        """Return how long the function may still run."""
        return _MAX_RUN_MS


def load_functions(options: Iterable[str]) -> dict[str, Callable[[Any], Any]]:
    """Return the functions of `NAME=FILE.py:function` options by their names.

    A name is a function's name, `name:alias` or an ARN. Each file is imported once.

    Raises: UnreadablePath if there is no such file; Refused if an option is malformed, a name
        stands there twice, a file cannot be imported or has no such function
    """
    functions: dict[str, Callable[[Any], Any]] = {}
    modules: dict[Path, ModuleType] = {}
    for option in options:
        name, _, place = option.partition("=")
        file, _, attribute = place.rpartition(":")
        if not name or not file or not attribute:
            raise Refused(f"--lambda {option}: write --lambda NAME=FILE.py:function")
        if name in functions:
            raise Refused(f"--lambda {name} is given twice: give each function once")
        path = Path(file).resolve()
        if path not in modules:
            modules[path] = _import(path)
        functions[name] = _handler(name, getattr(modules[path], attribute, None), place)
    return functions


def _import(path: Path) -> ModuleType:
    if not path.is_file():
        raise UnreadablePath(
            "there is no such file: name the Lambda's Python file", where=str(path)
        )
    spec = spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise Refused(
            "is not a Python file: a Lambda is given as FILE.py:function", where=str(path)
        )
    module = module_from_spec(spec)
    # Its neighbours can be imported, as on AWS.
    sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # the edge to the user's code
        raise Refused(
            f"cannot be imported: {type(error).__name__}: {error}; mend it and run again",
            where=str(path),
        ) from error
    return module


def _handler(name: str, found: Any, place: str) -> Callable[[Any], Any]:
    if not callable(found):
        raise Refused(f"there is no such function: see --lambda {name}", where=place)
    function: Callable[..., Any] = found
    if not _takes_context(function):
        return function

    def handle(event: Any) -> Any:
        short = function_name(name)
        arn = f"arn:aws:lambda:local:000000000000:function:{short}"
        context = LambdaContext(short, name if name.startswith("arn:") else arn, str(uuid4()))
        return function(event, context)

    return handle


def _takes_context(function: Callable[..., Any]) -> bool:
    try:
        inspect.signature(function).bind(None, None)
    except TypeError:
        return False
    except ValueError:  # a builtin without a signature
        return True
    return True
