"""A runtime for the Amazon States Language.

Must not know Athena, metrics or where anything is stored: what a Task does, the time, chance
and where the history goes are passed in.

    machine = asl.parse(document)
    execution = asl.run(machine, {"service_names": ["shop"]}, {"arn:aws:lambda:*": call_lambda})
"""

from __future__ import annotations

from otel_analytics.asl.clock import Clock, SkippingClock, SystemClock, VirtualClock
from otel_analytics.asl.driver import TaskContext, TaskFailed, run
from otel_analytics.asl.execution import Execution, Identity
from otel_analytics.asl.machine import StateMachine
from otel_analytics.asl.parse import parse

__all__ = [
    "Clock",
    "Execution",
    "Identity",
    "SkippingClock",
    "StateMachine",
    "SystemClock",
    "TaskContext",
    "TaskFailed",
    "VirtualClock",
    "parse",
    "run",
]
