"""How a state fails: one exception, made by evaluation and caught by the interpreter."""

from __future__ import annotations

from typing import Any

__all__ = [
    "MAX_CAUSE_CHARACTERS",
    "MAX_PAYLOAD_BYTES",
    "StateError",
    "evaluation_error",
    "runtime_error",
    "too_large",
]

MAX_CAUSE_CHARACTERS = 32_768
# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
MAX_PAYLOAD_BYTES = 256 * 1024


class StateError(Exception):
    """A state failed with an error name and a cause, as Retry and Catch see them.

    `in_state` asks the interpreter to put "An error occurred while executing the state …" in front;
    `location` names the field whose JSONata could not be evaluated.
    """

    def __init__(
        self,
        error: str | None,
        cause: str | None = None,
        *,
        in_state: bool = False,
        location: str | None = None,
    ) -> None:
        super().__init__(error, cause)
        self.error = error
        self.cause = cause if cause is None else cause[:MAX_CAUSE_CHARACTERS]
        self.in_state = in_state
        self.location = location

    def output(self) -> dict[str, Any]:
        """Return the error output: what a catcher hands to the next state."""
        return {"Error": self.error or "", "Cause": self.cause or ""}


def runtime_error(text: str) -> StateError:
    """Return the failure that can be neither retried nor caught."""
    return StateError("States.Runtime", text, in_state=True)


def evaluation_error(text: str, *, location: str) -> StateError:
    """Return the failure of a JSONata field."""
    return StateError("States.QueryEvaluationError", text, in_state=True, location=location)


def too_large(what: str) -> StateError:
    """Return the failure of a payload above the quota; `what` is a state or a task."""
    return StateError(
        "States.DataLimitExceeded",
        f"The state/task '{what}' returned a result with a size exceeding the maximum number of "
        "bytes service limit.",
    )
