"""Running a recorded case: what its Lambdas do, and how our answer differs from AWS's."""

from __future__ import annotations

import importlib.util
import json
import re
from datetime import datetime
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from otel_analytics import asl

ROOT = Path(__file__).parents[2]
FOLDER = ROOT.parent / "shared" / "data" / "asl-conformance"
ACCOUNT = "111111111111"
# The documents' time stamps are written for a run that begins a moment before this.
BEGIN = datetime.fromisoformat("2026-11-23T03:55:08Z").timestamp()
INVOKE = "arn:aws:states:::lambda:invoke"


@cache
def load_cases() -> dict[str, Any]:
    cases = json.loads((FOLDER / "cases.json").read_text("utf-8"))["cases"]
    return {case["id"]: case for case in cases}


@cache
def comparator() -> Any:
    spec = importlib.util.spec_from_file_location("asl_compare", FOLDER / "compare.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def differences(case: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    """Return where our execution of a case differs from AWS's."""
    execution = run_case(case)
    events = [event["type"] for event in execution.history]
    return comparator().check(
        case, execution.status, execution.output, execution.error, execution.cause, events
    )


def run_case(case: dict[str, Any]) -> asl.Execution:
    lambdas = Lambdas(case.get("lambdas", ()))
    return asl.run(
        asl.parse(case["definition"]),
        case_input(case),
        {INVOKE: lambdas.invoke, "arn:aws:lambda:*": lambdas.call},
        clock=asl.VirtualClock(BEGIN),
        random=Random(1),
        identity=asl.Identity(
            f"arn:aws:states:us-east-1:{ACCOUNT}:execution:machine:execution",
            "execution",
            f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:machine",
            "machine",
            "snf_role_arn",
        ),
    )


def case_input(case: dict[str, Any]) -> Any:
    """Return a case's input; where it stands in the recorded history only, that."""
    if "input" in case:
        return case["input"]
    return json.loads(case["expected"]["history"][0]["details"]["input"])


class Lambdas:
    """The functions of a case, by what the recording says they do."""

    def __init__(self, lambdas: Any) -> None:
        self._behaviours = [item["behavior"] for item in lambdas]

    def call(self, event: Any, context: asl.TaskContext) -> Any:
        behaviour = self._behaviours[0] if self._behaviours else "return event"
        if behaviour.startswith("sleep"):
            context.sleep(float(re.search(r"\d+", behaviour)[0]))
        if behaviour.startswith("raise CustomException"):
            raise lambda_error("CustomException", "")
        if behaviour.startswith("raise Exception"):
            raise lambda_error("Exception", "Some exception was raised.")
        if behaviour.startswith("return b"):
            return json.loads('"HelloWorld!"') if "Hello" in behaviour else "a" * 257 * 1024
        return {} if event is None else event

    def invoke(self, arguments: Any, context: asl.TaskContext) -> Any:
        payload = arguments.get("Payload")
        if isinstance(payload, str):
            payload = json.loads(payload)
        result = {
            "ExecutedVersion": "$LATEST",
            "Payload": self.call(payload, context),
            "SdkHttpMetadata": {},
            "SdkResponseMetadata": {},
            "StatusCode": 200,
        }
        if "LogType" in arguments:
            result["LogResult"] = "c29tZSBsb2c="
        return result


def lambda_error(name: str, message: str) -> asl.TaskFailed:
    cause = {"errorMessage": message, "errorType": name, "requestId": "1", "stackTrace": []}
    return asl.TaskFailed(name, json.dumps(cause))
