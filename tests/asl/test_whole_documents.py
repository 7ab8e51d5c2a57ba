"""Documents of the shapes that this project runs: its own, and the older JSONPath ones."""

from __future__ import annotations

import re
import time
from collections import Counter
from typing import Any

from machines import flow, machine, run, types

from otel_analytics import asl

ATHENA = "arn:aws:states:::athena:startQueryExecution.sync"
BUILDER = "arn:aws:lambda:ap-northeast-2:725129837589:function:athena-query-builder"
LAMBDA = "arn:aws:states:::lambda:invoke"
METRICS = ("MAU", "DAU", "Retention", "Conversion", "UserCohort", "SessionMetrics", "Events")
RETRY = [
    {
        "ErrorEquals": ["States.Timeout", "States.TaskFailed"],
        "MaxAttempts": 3,
        "IntervalSeconds": 2,
        "BackoffRate": 2,
        "MaxDelaySeconds": 60,
        "JitterStrategy": "FULL",
    }
]


def athena(text: str, **fields: Any) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": ATHENA,
        "Arguments": {"QueryString": text, "WorkGroup": "{% $states.input.workgroup %}"},
        "TimeoutSeconds": 900,
        "Retry": RETRY,
        **fields,
    }


def branch(metric: str) -> dict[str, Any]:
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", metric).lower()
    drop = f"{{% 'DROP TABLE IF EXISTS ' & $states.input.table_prefix & '_{name}' %}}"
    build = {
        "Type": "Task",
        "Resource": LAMBDA,
        "Arguments": {
            "FunctionName": "athena-query-builder",
            "Payload": {
                "query_type": name,
                "table_prefix": "{% $states.input.table_prefix %}",
                "execution_time": "{% $states.context.Execution.StartTime %}",
            },
        },
        "Output": "{% $merge([$states.input, {'query': $states.result.Payload.query_string}]) %}",
        "TimeoutSeconds": 60,
        "Retry": RETRY,
    }
    return flow(
        {
            f"Drop{metric}Table": athena(
                drop, Output="{% $states.input %}", Next=f"Build{metric}Query"
            ),
            f"Build{metric}Query": {**build, "Next": f"Create{metric}Table"},
            f"Create{metric}Table": athena("{% $states.input.query %}", Output={}, End=True),
        }
    )


def own_document() -> dict[str, Any]:
    prefix = "{% $replace($lowercase($states.input.service), /[^a-z0-9]/, '_') %}"
    return machine(
        {
            "CheckInput": {
                "Type": "Choice",
                "Choices": [
                    {
                        "Condition": "{% $type($states.input.service_names) != 'array' %}",
                        "Assign": {"problem": "service_names must be a list"},
                        "Next": "InvalidInput",
                    }
                ],
                "Default": "Transform",
            },
            "InvalidInput": {"Type": "Fail", "Error": "InvalidInput", "Cause": "{% $problem %}"},
            "Transform": {
                "Type": "Pass",
                "Output": {
                    "services": "{% $states.input.service_names %}",
                    "workgroup": "primary",
                    "execution_time": "{% $states.context.Execution.StartTime %}",
                },
                "Assign": {"services": "{% $states.input.service_names %}"},
                "Next": "Each",
            },
            "Each": {
                "Type": "Map",
                "MaxConcurrency": 1,
                "Items": "{% $states.input.services %}",
                "ItemSelector": {
                    "service": "{% $states.context.Map.Item.Value %}",
                    "workgroup": "{% $states.input.workgroup %}",
                },
                "ItemProcessor": flow(
                    {
                        "Prefix": {
                            "Type": "Pass",
                            "Output": {
                                "table_prefix": prefix,
                                "workgroup": "{% $states.input.workgroup %}",
                            },
                            "Next": "Batch",
                        },
                        "Batch": {
                            "Type": "Parallel",
                            "Branches": [branch(metric) for metric in METRICS],
                            "Output": "{% $states.input.table_prefix %}",
                            "End": True,
                        },
                    }
                ),
                "Next": "Summarize",
            },
            "Summarize": {
                "Type": "Pass",
                "Output": {
                    "status": "COMPLETED",
                    "services": "{% $services %}",
                    "tables": "{% $states.input %}",
                    "processed_services": "{% $count($services) %}",
                },
                "End": True,
            },
        },
        language="JSONata",
    )


class Services:
    """Athena and the Lambda, as far as the document goes."""

    def __init__(self) -> None:
        self.queries: list[str] = []

    def athena(self, arguments: Any, context: asl.TaskContext) -> Any:
        self.queries.append(arguments["QueryString"])
        context.submitted({"QueryExecutionId": "q"})
        return {"QueryExecution": {"Status": {"State": "SUCCEEDED"}}}

    def invoke(self, arguments: Any, _context: asl.TaskContext) -> Any:
        payload = arguments["Payload"]
        text = f"CREATE TABLE {payload['table_prefix']}_{payload['query_type']} AS SELECT 1"
        return {"StatusCode": 200, "Payload": {"query_string": text}}

    def tasks(self) -> dict[str, Any]:
        return {ATHENA: self.athena, "arn:aws:states:::lambda:*": self.invoke}


def test_our_own_document_makes_every_table_of_every_service() -> None:
    services = Services()
    clock = asl.VirtualClock(1_000_000_000)

    execution = asl.run(
        asl.parse(own_document()),
        {"service_names": ["TheShop-brand", "theshop.kr"]},
        services.tasks(),
        clock=clock,
    )

    assert execution.output == {
        "status": "COMPLETED",
        "services": ["TheShop-brand", "theshop.kr"],
        "tables": ["theshop_brand", "theshop_kr"],
        "processed_services": 2,
    }
    counts = Counter(query.split()[0] for query in services.queries)
    assert counts == {"DROP": 14, "CREATE": 14}
    assert "CREATE TABLE theshop_kr_session_metrics AS SELECT 1" in services.queries
    # CheckInput, Transform, Each, Summarize; for each service Prefix, Batch and 7 × 3 tasks
    assert execution.transitions == 4 + 2 * (2 + 21)


def test_our_own_document_refuses_a_wrong_payload_before_any_task() -> None:
    execution = run(own_document(), {"service_names": "theshop"})

    assert (execution.error, execution.cause) == ("InvalidInput", "service_names must be a list")
    assert "TaskScheduled" not in types(execution)
    assert execution.transitions == 2


def test_a_service_costs_under_50_milliseconds_outside_its_tasks() -> None:
    parsed = asl.parse(own_document())
    names = [f"service-{i}" for i in range(5)]
    taken = []
    for _ in range(3):
        began = time.process_time()
        asl.run(parsed, {"service_names": names}, Services().tasks(), clock=asl.VirtualClock())
        taken.append((time.process_time() - began) / len(names))

    assert min(taken) < 0.05


def test_passes_run_at_10000_transitions_a_second() -> None:
    states: dict[str, Any] = {f"S{i}": {"Type": "Pass", "Next": f"S{i + 1}"} for i in range(1000)}
    parsed = asl.parse(machine({**states, "S1000": {"Type": "Succeed"}}))
    taken = []
    for _ in range(3):
        began = time.process_time()
        asl.run(parsed, {"a": 1}, {}, clock=asl.VirtualClock())
        taken.append(time.process_time() - began)

    assert min(taken) < 0.1


def seed_document() -> dict[str, Any]:
    prefix = (
        "States.Format('{}_{}',"
        "\n    States.ArrayGetItem(States.StringSplit($.service_name, '-'), 0),"
        "\n    States.ArrayGetItem(States.StringSplit($.service_name, '-'), 1))"
    )
    return machine(
        {
            "TransformServiceNames": {
                "Type": "Pass",
                "Parameters": {
                    "services.$": "$.service_names",
                    "s3_base": "s3://aws-athena-query-results-725129837589-ap-northeast-2/summary",
                    "execution_time.$": "$$.Execution.StartTime",
                },
                "Next": "ProcessEachService",
            },
            "ProcessEachService": {
                "Type": "Map",
                "ItemsPath": "$.services",
                "MaxConcurrency": 1,
                "Parameters": {
                    "service_name.$": "$$.Map.Item.Value",
                    "s3_base.$": "$.s3_base",
                },
                "ResultPath": None,
                "Iterator": flow(
                    {
                        "ComputeTablePrefix": {
                            "Type": "Pass",
                            "Parameters": {
                                "service_name.$": "$.service_name",
                                "s3_base.$": "$.s3_base",
                                "table_prefix.$": prefix,
                            },
                            "Next": "BuildQuery",
                        },
                        "BuildQuery": {
                            "Type": "Task",
                            "Resource": LAMBDA,
                            "Parameters": {
                                "FunctionName": BUILDER,
                                "Payload": {
                                    "query_type": "mau",
                                    "table_prefix.$": "$.table_prefix",
                                    "service_names.$": "States.Array($.service_name)",
                                },
                            },
                            "ResultSelector": {"text.$": "$.Payload.query_string"},
                            "ResultPath": "$.query",
                            "Next": "CreateTable",
                        },
                        "CreateTable": {
                            "Type": "Task",
                            "Resource": ATHENA,
                            "Parameters": {"QueryString.$": "$.query.text"},
                            "ResultPath": None,
                            "End": True,
                        },
                    }
                ),
                "Next": "SummarizeResults",
            },
            "SummarizeResults": {
                "Type": "Pass",
                "Parameters": {
                    "status": "COMPLETED",
                    "services.$": "$.services",
                    "execution_summary": {
                        "execution_time.$": "$.execution_time",
                        "processed_services.$": "States.ArrayLength($.services)",
                    },
                },
                "End": True,
            },
        }
    )


def test_an_older_jsonpath_document_runs_as_it_is() -> None:
    services = Services()

    execution = asl.run(
        asl.parse(seed_document()),
        {"service_names": ["theshop-brand", "theshop-pharmacy"]},
        services.tasks(),
        clock=asl.VirtualClock(1_000_000_000),
    )

    assert execution.output == {
        "status": "COMPLETED",
        "services": ["theshop-brand", "theshop-pharmacy"],
        "execution_summary": {
            "execution_time": "2001-09-09T01:46:40.000Z",
            "processed_services": 2,
        },
    }
    assert services.queries == [
        "CREATE TABLE theshop_brand_mau AS SELECT 1",
        "CREATE TABLE theshop_pharmacy_mau AS SELECT 1",
    ]
