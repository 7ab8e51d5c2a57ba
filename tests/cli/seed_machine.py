"""The state machine of the first guide, completed to a whole JSONPath document.

`States.Format`, `ItemsPath`, the legacy `Iterator` and `Parameters`, `ResultSelector`, a
`ResultPath` of null, and the prefix made of a name's first two parts.
"""

from __future__ import annotations

from typing import Any

__all__ = ["S3_BASE", "seed_document"]

RESULTS = "s3://aws-athena-query-results-725129837589-ap-northeast-2"
S3_BASE = f"{RESULTS}/summary"
BUILDER = "arn:aws:lambda:ap-northeast-2:725129837589:function:athena-query-builder"
PREFIX = (
    "States.Format('{}_{}',\n"
    "    States.ArrayGetItem(States.StringSplit($.service_name, '-'), 0),\n"
    "    States.ArrayGetItem(States.StringSplit($.service_name, '-'), 1))"
)
RETRY = [
    {
        "ErrorEquals": ["States.Timeout", "States.TaskFailed"],
        "IntervalSeconds": 2,
        "MaxAttempts": 3,
        "BackoffRate": 2.0,
    }
]
BATCHES = {
    "Batch1_MAU_DAU": {"MAU": "mau", "DAU": "dau"},
    "Batch2_Retention_Conversion": {"Retention": "retention", "Conversion": "conversion"},
    "Batch3_UserCohort_SessionMetrics": {
        "UserCohort": "user_cohort",
        "SessionMetrics": "session_metrics",
    },
    "Batch4_EventDistribution": {"EventDistribution": "event_distribution"},
}


def seed_document() -> dict[str, Any]:
    return {
        "StartAt": "TransformServiceNames",
        "States": {
            "TransformServiceNames": {
                "Type": "Pass",
                "Parameters": {
                    "services.$": "$.service_names",
                    "database": "log_db",
                    "output_location": RESULTS,
                    "workgroup": "primary",
                    "s3_base": S3_BASE,
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
                    "database.$": "$.database",
                    "output_location.$": "$.output_location",
                    "workgroup.$": "$.workgroup",
                    "s3_base.$": "$.s3_base",
                },
                "Iterator": _each_service(),
                "ResultPath": None,
                "Next": "SummarizeResults",
            },
            "SummarizeResults": {
                "Type": "Pass",
                "Parameters": {
                    "status": "COMPLETED",
                    "services.$": "$.services",
                    "execution_summary": {
                        "database.$": "$.database",
                        "output_location.$": "States.Format('{}/', $.output_location)",
                        "execution_time.$": "$.execution_time",
                        "processed_services.$": "States.ArrayLength($.services)",
                    },
                },
                "End": True,
            },
        },
    }


def _each_service() -> dict[str, Any]:
    states: dict[str, Any] = {
        "ComputeTablePrefix": {
            "Type": "Pass",
            "Parameters": {"table_prefix.$": PREFIX},
            "ResultPath": "$.computed",
        }
    }
    for name, batch in BATCHES.items():
        states[name] = {
            "Type": "Parallel",
            "Branches": [_branch(title, query_type) for title, query_type in batch.items()],
            "ResultPath": None,
        }
    for state, following in zip(states.values(), [*list(states)[1:], None], strict=True):
        state.update({"Next": following} if following else {"End": True})
    return {"StartAt": "ComputeTablePrefix", "States": states}


def _branch(title: str, query_type: str) -> dict[str, Any]:
    table = f"{{}}.{{}}_{query_type}_summary"
    drop = f"States.Format('DROP TABLE IF EXISTS {table}', $.database, $.computed.table_prefix)"
    return {
        "StartAt": f"Drop{title}Table",
        "States": {
            f"Drop{title}Table": _query(drop, ResultPath=None, Next=f"Build{title}Query"),
            f"Build{title}Query": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke",
                "Parameters": {
                    "FunctionName": BUILDER,
                    "Payload": {
                        "query_type": query_type,
                        "table_prefix.$": "$.computed.table_prefix",
                        "s3_base.$": "$.s3_base",
                        "service_names.$": "States.Array($.service_name)",
                    },
                },
                "ResultSelector": {"query_string.$": "$.Payload.query_string"},
                "ResultPath": "$.query",
                "TimeoutSeconds": 30,
                "Retry": RETRY,
                "Next": f"Create{title}Table",
            },
            f"Create{title}Table": _query("$.query.query_string", End=True),
        },
    }


def _query(text: str, **fields: Any) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::athena:startQueryExecution.sync",
        "Parameters": {
            "QueryString.$": text,
            "QueryExecutionContext": {"Database.$": "$.database"},
            "ResultConfiguration": {"OutputLocation.$": "$.output_location"},
            "WorkGroup.$": "$.workgroup",
        },
        "TimeoutSeconds": 900,
        "Retry": RETRY,
        **fields,
    }
