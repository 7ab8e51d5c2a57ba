"""The state types: each reads its fields once, and says in `start` what it asks for.

A state is immutable and knows no execution: it sees a `Turn` and returns an `Outcome`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_analytics.asl.states.choice import Choice
from otel_analytics.asl.states.ends import Fail, Succeed
from otel_analytics.asl.states.map import Map
from otel_analytics.asl.states.parallel import Parallel
from otel_analytics.asl.states.pass_state import Pass
from otel_analytics.asl.states.task import Task
from otel_analytics.asl.states.wait import Wait

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otel_analytics.asl.fields import Fields
    from otel_analytics.asl.states.state import Head, NestFlow, State

__all__ = ["STATE_TYPES", "ForkingState"]

# What runs child flows.
ForkingState = Parallel | Map

STATE_TYPES: Mapping[str, Callable[[Fields, Head, NestFlow], State]] = {
    "Pass": Pass.parse,
    "Task": Task.parse,
    "Choice": Choice.parse,
    "Wait": Wait.parse,
    "Succeed": Succeed.parse,
    "Fail": Fail.parse,
    "Parallel": Parallel.parse,
    "Map": Map.parse,
}
