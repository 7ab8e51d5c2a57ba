"""A runtime for the Amazon States Language.

Must not know Athena, metrics or where anything is stored: what a Task does, the time, chance
and where the history goes are passed in.

    machine = asl.parse(document)
    execution = asl.run(machine, {"service_names": ["shop"]}, {"arn:aws:lambda:*": call_lambda})
"""

from __future__ import annotations

from otel_analytics.asl.begin import check_redrive
from otel_analytics.asl.clock import Clock, SkippingClock, SystemClock, VirtualClock
from otel_analytics.asl.driver import redrive, run
from otel_analytics.asl.execution import Execution, Identity
from otel_analytics.asl.machine import StateMachine
from otel_analytics.asl.nested import START_EXECUTION, NestedExecutions, state_machine_name
from otel_analytics.asl.parse import parse
from otel_analytics.asl.storage import dump_execution, load_execution
from otel_analytics.asl.tasks import StopSwitch, TaskContext, TaskFailed

__all__ = [
    "START_EXECUTION",
    "Clock",
    "Execution",
    "Identity",
    "NestedExecutions",
    "SkippingClock",
    "StateMachine",
    "StopSwitch",
    "SystemClock",
    "TaskContext",
    "TaskFailed",
    "VirtualClock",
    "check_redrive",
    "dump_execution",
    "load_execution",
    "parse",
    "redrive",
    "run",
    "state_machine_name",
]
