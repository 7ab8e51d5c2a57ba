"""Executions as pages follow them: the document is read once, and each event once."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_analytics.operations.executions import Executions

__all__ = ["Asked", "Follower", "Told"]

_KEPT: Final = 8
_KEPT_INPUTS: Final = 200
_FRESH_S: Final = 0.9


@dataclass(frozen=True, slots=True)
class Told:
    """An execution as an engine tells of it: as `describe-execution`, its events, its document."""

    described: dict[str, Any]
    history: tuple[dict[str, Any], ...]
    document: Any


@dataclass(frozen=True, slots=True)
class Asked:
    """What the pipeline was started for; nothing of another document, or where it is not said."""

    services: tuple[str, ...] = ()
    execution_date: str | None = None


@dataclass(slots=True, eq=False)
class _Kept:
    """What was read of one execution, and when."""

    turn: threading.Lock = field(default_factory=threading.Lock)
    read_at: float | None = None
    told: Told | None = None


@dataclass(slots=True)
class Follower:
    """Executions for many requests at once; `clock` gives seconds that never go back.

    However many follow one, an engine is asked for what is new about once a second at most.
    """

    executions: Executions
    clock: Callable[[], float]
    _turn: threading.Lock = field(default_factory=threading.Lock)
    _kept: OrderedDict[str, _Kept] = field(default_factory=OrderedDict)
    _asked: OrderedDict[str, Asked] = field(default_factory=OrderedDict)

    def asked(self, arn: str) -> Asked:
        """Return what an execution was started for.

        That never changes, so an engine is asked once; in a list of executions it is not.

        Source: https://docs.aws.amazon.com/step-functions/latest/apireference/API_ExecutionListItem.html
        Raises: InvalidName if there is no such execution
        """
        with self._turn:
            known = self._asked.get(arn)
        if known is None:
            known = _asked_by(self.executions.describe_execution(arn).get("input", ""))
            with self._turn:
                self._asked[arn] = known
                while len(self._asked) > _KEPT_INPUTS:
                    self._asked.popitem(last=False)
        return known

    def read(self, reference: str) -> Told:
        """Return what is told of an execution.

        Raises: InvalidName if there is no such execution
        """
        with self._turn:
            kept = self._kept.setdefault(reference, _Kept())
            self._kept.move_to_end(reference)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        with kept.turn:
            now = self.clock()
            if kept.told is None or kept.read_at is None or now - kept.read_at >= _FRESH_S:
                kept.told = self._read(reference, kept.told)
                kept.read_at = now
            return kept.told

    def _read(self, reference: str, known: Told | None) -> Told:
        # described first: what ends between the two is seen to go on, and asked for again
        described = self.executions.describe_execution(reference)
        if known is None:
            document = self.executions.definition(described["executionArn"])
            known = Told(described, (), document)
        elif described == known.described and described["status"] != "RUNNING":
            return known
        seen = known.history[-1]["id"] if known.history else 0
        new = self.executions.events_after(described["executionArn"], seen)
        return Told(described, (*known.history, *new), known.document)


def _asked_by(text: str) -> Asked:
    try:
        payload = json.loads(text)
    except ValueError:
        return Asked()
    if not isinstance(payload, dict):
        return Asked()
    names, day = payload.get("service_names"), payload.get("execution_date")
    return Asked(
        tuple(map(str, names)) if isinstance(names, list) else (),
        None if day is None else str(day),
    )
