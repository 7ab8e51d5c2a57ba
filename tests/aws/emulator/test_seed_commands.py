"""The commands of the first guide, word for word; only the endpoint is the environment's."""
# ruff: noqa: E501 - they are not to be folded

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.aws.emulator.conftest import Emulator

PAYLOAD = '{\n  "service_names": ["theshop-brand", "theshop-pharmacy"]\n}\n'
START = """
aws stepfunctions start-execution \\
    --state-machine-arn "arn:aws:states:ap-northeast-2:725129837589:stateMachine:otel-analytics-pipeline" \\
    --input file://step-payload.json
"""
LIST = """
# 최근 실행 목록 조회
aws stepfunctions list-executions \\
    --state-machine-arn "arn:aws:states:ap-northeast-2:725129837589:stateMachine:otel-analytics-pipeline" \\
    --max-results 10
"""
DESCRIBE = """
# 특정 실행 상세 조회
aws stepfunctions describe-execution \\
    --execution-arn "arn:aws:states:ap-northeast-2:725129837589:execution:..."
"""
HISTORY = """
# 실행 히스토리 조회 (실패 원인 파악)
aws stepfunctions get-execution-history \\
    --execution-arn "arn:aws:states:ap-northeast-2:725129837589:execution:..." \\
    --reverse-order
"""


def run(stack: Emulator, command: str, execution_arn: str = "") -> Any:
    """Return what a shell's command prints, in which an execution's ARN was left out."""
    arn = "arn:aws:states:ap-northeast-2:725129837589:execution:..."
    words = shlex.split(command.replace("\\\n", " "), comments=True)
    return json.loads(stack.command(*(execution_arn if word == arn else word for word in words)))


def test_the_commands_of_the_guide(stack: Emulator) -> None:
    (stack.folder / "step-payload.json").write_text(PAYLOAD)
    started = run(stack, START)
    arn = started["executionArn"]
    assert arn.startswith(
        "arn:aws:states:ap-northeast-2:725129837589:execution:otel-analytics-pipeline:"
    )
    assert arn in [one["executionArn"] for one in run(stack, LIST)["executions"]]
    described = run(stack, DESCRIBE, arn)
    assert json.loads(described["input"]) == json.loads(PAYLOAD)
    events = run(stack, HISTORY, arn)["events"]
    ids = [event["id"] for event in events]
    assert ids == sorted(ids, reverse=True)
    assert events[-1]["type"] == "ExecutionStarted"


def test_a_wrong_payload_fails_at_once(stack: Emulator) -> None:
    machine = "arn:aws:states:ap-northeast-2:725129837589:stateMachine:otel-analytics-pipeline"
    command = ("aws", "stepfunctions", "start-execution", "--state-machine-arn", machine)
    started = json.loads(stack.command(*command, "--input", '{"service_names": "theshop-brand"}'))

    def ended() -> Any:
        found = run(stack, DESCRIBE, started["executionArn"])
        return found if found["status"] != "RUNNING" else None

    found = stack.eventually(ended)
    assert (found["status"], found["error"]) == ("FAILED", "InvalidInput")
