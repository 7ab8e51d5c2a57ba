"""What each role may do, and what it may not, by a policy evaluator that others wrote.

The policies are those of the deployed roles. The tests of events show besides that the functions
can work under them, since the emulator enforces them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.aws.emulator.conftest import ACCOUNT, BUCKET, REGION, evaluate

if TYPE_CHECKING:
    from tests.aws.emulator.conftest import Emulator

DATA = f"arn:aws:s3:::{BUCKET}"
GLUE = f"arn:aws:glue:{REGION}:{ACCOUNT}"
TABLE = f"{GLUE}:table/log_db"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function"
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}"
MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine"
PART = f"arn:aws:states:{REGION}:{ACCOUNT}:execution"
PARTS_RULE = (
    f"arn:aws:events:{REGION}:{ACCOUNT}:rule/StepFunctionsGetEventsForStepFunctionsExecutionRule"
)
WORK_GROUP = f"arn:aws:athena:{REGION}:{ACCOUNT}:workgroup"
LOG_STREAM = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/otel-analytics:log-stream:a"
STAGING = f"{TABLE}/theshop_brand_mau_8c1f_5f0c3a9e_0"
LEVEL_STAGING = f"{TABLE}/activity_visits_8c1f_5f0c3a9e_0_0_0_0"
LEAF = f"{DATA}/summary/theshop_brand_mau/8c1f_5f0c3a9e/0/part.parquet"
LEVEL_LEAF = f"{DATA}/lake/activity/activity/8c1f_5f0c3a9e/0_0_0/0/period=2025-10-28/part.parquet"
RAW = f"{DATA}/lake/logall/year=2025/month=10/day=28/a.parquet"
JOURNAL = f"{DATA}/summary/publications/theshop_brand.json"
EXPORTED = f"{DATA}/otlp/2025/10/28/a.json.gz"

Rule = tuple[str, str] | tuple[str, str, dict[str, str]]


def listing(prefix: str) -> Rule:
    return ("s3:ListBucket", DATA, {"s3:prefix": prefix})


MUST_ALLOW: dict[str, list[Rule]] = {
    "StateMachineRole": [
        ("lambda:InvokeFunction", f"{FUNCTION}:athena-query-builder"),
        ("lambda:InvokeFunction", f"{FUNCTION}:athena-checks-builder"),
        ("lambda:InvokeFunction", f"{FUNCTION}:athena-table-publisher"),
        ("lambda:InvokeFunction", f"{FUNCTION}:athena-activity-refresher"),
        ("states:StartExecution", f"{MACHINE}:otel-analytics-pipeline"),
        ("states:DescribeExecution", f"{PART}:otel-analytics-pipeline:run-part-1-0"),
        ("states:StopExecution", f"{PART}:otel-analytics-pipeline:run-part-1-0"),
        ("events:PutRule", PARTS_RULE),
        ("events:PutTargets", PARTS_RULE),
        ("events:DescribeRule", PARTS_RULE),
        ("athena:StartQueryExecution", f"{WORK_GROUP}/otel-analytics"),
        ("athena:StopQueryExecution", f"{WORK_GROUP}/otel-analytics"),
        ("athena:GetQueryExecution", f"{WORK_GROUP}/otel-analytics"),
        ("athena:GetQueryResults", f"{WORK_GROUP}/otel-analytics"),
        ("athena:GetDataCatalog", WORK_GROUP.replace("workgroup", "datacatalog/AwsDataCatalog")),
        ("glue:GetTable", f"{TABLE}/logall"),
        ("glue:GetPartitions", f"{TABLE}/activity"),
        ("glue:CreateTable", STAGING),
        ("glue:DeleteTable", STAGING),
        ("glue:CreateTable", LEVEL_STAGING),
        ("glue:BatchCreatePartition", LEVEL_STAGING),
        ("glue:DeleteTable", f"{GLUE}:database/log_db"),
        ("glue:DeleteTable", f"{GLUE}:catalog"),
        ("s3:GetBucketLocation", DATA),
        ("s3:ListBucketMultipartUploads", DATA),
        listing("lake/logall/year=2025/month=10/day=28/"),
        listing("summary/theshop_brand_mau/8c1f_5f0c3a9e/0/"),
        ("s3:GetObject", RAW),
        ("s3:GetObject", LEVEL_LEAF),
        ("s3:PutObject", LEAF),
        ("s3:PutObject", LEVEL_LEAF),
        ("s3:PutObject", f"{DATA}/athena-results/1.csv"),
        ("s3:PutObject", f"{DATA}/athena-results/summaries/8c1f_5f0c3a9e.json"),
        ("logs:CreateLogDelivery", "*"),
        ("xray:PutTraceSegments", "*"),
    ],
    "QueryBuilderRole": [
        listing("summary/theshop_brand_mau/8c1f_5f0c3a9e/0/"),
        ("s3:DeleteObject", LEAF),
        ("glue:GetTable", f"{TABLE}/theshop_brand_mau_summary"),
        ("logs:PutLogEvents", LOG_STREAM),
    ],
    "ChecksBuilderRole": [
        ("glue:GetTable", f"{TABLE}/theshop_brand_mau_summary"),
        ("glue:GetTable", STAGING),
        ("glue:GetTable", f"{TABLE}/logall"),
        ("logs:CreateLogStream", LOG_STREAM),
    ],
    "TablePublisherRole": [
        ("glue:GetTable", STAGING),
        ("glue:CreateTable", f"{TABLE}/theshop_brand_mau_summary"),
        ("glue:UpdateTable", f"{TABLE}/theshop_brand_mau_summary"),
        ("glue:BatchCreatePartition", f"{TABLE}/theshop_brand_mau_summary_history"),
        ("glue:BatchDeletePartition", f"{TABLE}/theshop_brand_mau_summary_history"),
        ("glue:DeleteTable", STAGING),
        listing("summary/theshop_brand_mau/"),
        ("s3:DeleteObject", LEAF),
        ("s3:GetObject", JOURNAL),
        ("s3:PutObject", JOURNAL),
    ],
    "ActivityRefresherRole": [
        ("glue:GetTable", f"{TABLE}/logall"),
        ("glue:CreateTable", f"{TABLE}/activity_visits"),
        ("glue:UpdateTable", f"{TABLE}/activity"),
        ("glue:BatchCreatePartition", f"{TABLE}/activity"),
        ("glue:BatchUpdatePartition", f"{TABLE}/activity_dau"),
        ("glue:BatchDeletePartition", f"{TABLE}/activity"),
        ("glue:DeleteTable", LEVEL_STAGING),
        listing("lake/logall/year=2025/month=10/"),
        listing("lake/activity/activity/8c1f_5f0c3a9e/0_0_0/0/"),
        ("s3:DeleteObject", LEVEL_LEAF),
    ],
    "LogProcessorRole": [
        ("sqs:ReceiveMessage", f"{QUEUE}:otel-analytics-objects"),
        ("sqs:DeleteMessage", f"{QUEUE}:otel-analytics-objects"),
        ("s3:GetObject", EXPORTED),
        ("s3:GetObjectVersion", EXPORTED),
        listing("otlp/2025/10/28/a.json.gz"),
        listing("lake/sources/0.json"),
        listing("lake/objects/2025-10-28/0.json"),
        ("s3:PutObject", RAW),
        ("s3:PutObject", f"{DATA}/lake/quarantine/0.jsonl"),
        ("s3:PutObject", f"{DATA}/lake/sources/0.json"),
        ("s3:PutObject", f"{DATA}/lake/objects/0.json"),
        ("logs:PutLogEvents", LOG_STREAM),
    ],
    "LogSweepRole": [
        listing("otlp/"),
        listing("lake/objects/2025-10-28/"),
        listing("lake/sweep.json"),
        ("s3:GetObject", f"{DATA}/lake/sweep.json"),
        ("s3:PutObject", f"{DATA}/lake/sweep.json"),
        ("sqs:SendMessage", f"{QUEUE}:otel-analytics-objects"),
        ("sqs:GetQueueAttributes", f"{QUEUE}:otel-analytics-objects"),
        ("sqs:SendMessage", f"{QUEUE}:otel-analytics-undelivered"),
    ],
    "PipelineScheduleRole": [
        ("states:StartExecution", f"{MACHINE}:otel-analytics-pipeline"),
        ("sqs:SendMessage", f"{QUEUE}:otel-analytics-undelivered"),
    ],
    "LogSweepScheduleRole": [
        ("lambda:InvokeFunction", f"{FUNCTION}:otel-log-sweep"),
        ("sqs:SendMessage", f"{QUEUE}:otel-analytics-undelivered"),
    ],
    "ReaderPolicy": [
        ("states:ListStateMachines", "*"),
        ("states:ListExecutions", f"{MACHINE}:otel-analytics-pipeline"),
        ("states:DescribeExecution", f"{PART}:otel-analytics-pipeline:run-1"),
        ("states:GetExecutionHistory", f"{PART}:otel-analytics-pipeline:run-1"),
        ("states:DescribeStateMachineForExecution", f"{PART}:otel-analytics-pipeline:run-1"),
        ("athena:StartQueryExecution", f"{WORK_GROUP}/otel-analytics"),
        ("athena:GetQueryExecution", f"{WORK_GROUP}/otel-analytics"),
        ("athena:GetQueryResults", f"{WORK_GROUP}/otel-analytics"),
        ("athena:StopQueryExecution", f"{WORK_GROUP}/otel-analytics"),
        ("glue:GetTable", f"{TABLE}/theshop_brand_mau_summary"),
        ("glue:GetTables", f"{GLUE}:database/log_db"),
        ("glue:GetPartitions", f"{TABLE}/theshop_brand_mau_summary_history"),
        ("s3:GetBucketLocation", DATA),
        listing("summary/theshop_brand_mau/8c1f_5f0c3a9e/0/"),
        ("s3:GetObject", LEAF),
        ("s3:GetObject", RAW),
        ("s3:GetObject", f"{DATA}/athena-results/1.csv"),
        ("s3:PutObject", f"{DATA}/athena-results/1.csv"),
    ],
    "OperatorPolicy": [
        ("states:StartExecution", f"{MACHINE}:otel-analytics-pipeline"),
        ("states:StopExecution", f"{PART}:otel-analytics-pipeline:run-1"),
        ("glue:GetDatabases", f"{GLUE}:catalog"),
        ("glue:GetTables", f"{GLUE}:database/another"),
        ("glue:GetTables", f"{GLUE}:table/another/orders"),
        ("glue:GetPartitions", f"{GLUE}:table/another/orders"),
        ("glue:DeleteTable", STAGING),
        ("glue:DeleteTable", LEVEL_STAGING),
        ("s3:DeleteObject", LEAF),
        ("s3:DeleteObject", LEVEL_LEAF),
        ("s3:GetObject", JOURNAL),
        ("s3:PutObject", JOURNAL),
    ],
}

# No role may do these.
NOBODY: list[Rule] = [
    ("s3:DeleteObject", RAW),
    ("s3:DeleteObject", EXPORTED),
    ("s3:DeleteObject", f"{DATA}/lake/sources/0.json"),
    ("s3:DeleteObject", f"{DATA}/lake/quarantine/0.jsonl"),
    ("s3:DeleteObject", f"{DATA}/athena-results/1.csv"),
    ("s3:DeleteObject", JOURNAL),
    ("s3:DeleteObject", f"{DATA}/summary-of-others/a"),
    ("s3:DeleteObject", "arn:aws:s3:::another/summary/a"),
    ("s3:DeleteBucket", DATA),
    ("s3:PutBucketPolicy", DATA),
    ("s3:PutObject", EXPORTED),
    ("s3:PutObject", f"{DATA}/a"),
    ("s3:GetObject", "arn:aws:s3:::another/lake/logall/a"),
    ("s3:ListBucket", DATA),
    listing(""),
    listing("summary-of-others/"),
    ("glue:CreateTable", f"{TABLE}/orders"),
    ("glue:UpdateTable", f"{TABLE}/orders"),
    ("glue:DeleteTable", f"{TABLE}/orders"),
    ("glue:UpdateTable", f"{TABLE}/orders_summary"),
    ("glue:DeleteTable", f"{TABLE}/orders_summary"),
    ("glue:UpdateTable", f"{TABLE}/activity_log"),
    ("glue:DeleteTable", f"{TABLE}/activity"),
    ("glue:DeleteTable", f"{TABLE}/activity_visits"),
    ("glue:DeleteTable", f"{TABLE}/theshop_brand_mau_summary"),
    ("glue:DeleteTable", f"{TABLE}/logall"),
    ("glue:UpdateTable", f"{TABLE}/logall"),
    ("glue:DeleteDatabase", f"{GLUE}:database/log_db"),
    ("glue:GetTable", f"{GLUE}:table/another/logall"),
    ("glue:CreateTable", f"{GLUE}:table/another/theshop_brand_mau_summary"),
    ("athena:StartQueryExecution", f"{WORK_GROUP}/primary"),
    ("athena:UpdateWorkGroup", f"{WORK_GROUP}/otel-analytics"),
    ("lambda:InvokeFunction", f"{FUNCTION}:another"),
    ("lambda:UpdateFunctionCode", f"{FUNCTION}:athena-query-builder"),
    ("states:StartExecution", f"{MACHINE}:another"),
    ("states:UpdateStateMachine", f"{MACHINE}:otel-analytics-pipeline"),
    ("sqs:SendMessage", f"{QUEUE}:another"),
    ("sqs:PurgeQueue", f"{QUEUE}:otel-analytics-objects"),
    ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/any"),
    ("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/any"),
    ("logs:PutLogEvents", LOG_STREAM.replace("otel-analytics", "another")),
    ("kms:Decrypt", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/any"),
]
MUST_DENY: dict[str, list[Rule]] = {
    "StateMachineRole": [
        ("lambda:InvokeFunction", f"{FUNCTION}:otel-log-processor"),
        ("glue:DeleteTable", f"{TABLE}/theshop_brand_mau_summary"),
        ("glue:DeleteTable", f"{TABLE}/theshop_brand_mau_summary_history"),
        ("glue:DeleteTable", f"{TABLE}/activity_session_metrics"),
        ("glue:DeleteTable", f"{TABLE}/a_mau_b_00000000_c_dau_summary"),
        ("glue:UpdateTable", STAGING),
        ("s3:DeleteObject", LEAF),
        ("s3:PutObject", RAW),
        ("s3:PutObject", JOURNAL),
        ("s3:GetObject", EXPORTED),
    ],
    "QueryBuilderRole": [
        ("s3:GetObject", LEAF),
        ("s3:PutObject", LEAF),
        ("s3:DeleteObject", LEVEL_LEAF),
        ("glue:CreateTable", STAGING),
    ],
    "ChecksBuilderRole": [
        ("glue:DeleteTable", STAGING),
        ("s3:GetObject", LEAF),
        ("s3:DeleteObject", LEAF),
    ],
    "TablePublisherRole": [
        ("s3:DeleteObject", LEVEL_LEAF),
        ("s3:PutObject", LEAF),
        ("s3:GetObject", LEAF),
        ("glue:BatchCreatePartition", f"{TABLE}/logall"),
        ("glue:UpdateTable", f"{TABLE}/activity"),
        ("glue:DeleteTable", LEVEL_STAGING),
        ("glue:UpdateTable", STAGING),
    ],
    "ActivityRefresherRole": [
        ("glue:DeleteTable", STAGING),
        ("glue:UpdateTable", LEVEL_STAGING),
        ("s3:DeleteObject", LEAF),
        ("s3:GetObject", RAW),
        ("glue:DeleteTable", f"{TABLE}/theshop_brand_mau_summary"),
        ("glue:UpdateTable", f"{TABLE}/theshop_brand_mau_summary"),
    ],
    "LogProcessorRole": [
        ("s3:PutObject", LEAF),
        ("s3:GetObject", RAW),
        ("s3:GetObject", LEAF),
        ("s3:GetObject", f"{DATA}/lake/sources/0.json"),
        ("sqs:SendMessage", f"{QUEUE}:otel-analytics-objects"),
        ("glue:GetTable", f"{TABLE}/logall"),
    ],
    "LogSweepRole": [
        ("s3:GetObject", EXPORTED),
        ("s3:PutObject", RAW),
        ("s3:PutObject", f"{DATA}/lake/objects/2025-10-28/0.json"),
        ("sqs:ReceiveMessage", f"{QUEUE}:any"),
    ],
    "PipelineScheduleRole": [("lambda:InvokeFunction", f"{FUNCTION}:otel-log-sweep")],
    "LogSweepScheduleRole": [("states:StartExecution", f"{MACHINE}:otel-analytics-pipeline")],
    "ReaderPolicy": [
        ("states:StartExecution", f"{MACHINE}:otel-analytics-pipeline"),
        ("glue:CreateTable", STAGING),
        ("glue:DeleteTable", STAGING),
        ("s3:PutObject", LEAF),
        ("s3:PutObject", JOURNAL),
        ("s3:DeleteObject", LEAF),
        ("s3:GetObject", EXPORTED),
    ],
    "OperatorPolicy": [
        ("glue:CreateTable", STAGING),
        ("glue:UpdateTable", f"{TABLE}/theshop_brand_mau_summary"),
        ("s3:PutObject", LEAF),
    ],
}


ATTACHED = ("ReaderPolicy", "OperatorPolicy")


@pytest.fixture(scope="module")
def policies(stack: Emulator, resources: dict[str, str]) -> dict[str, list[Any]]:
    """The policy documents of each role, and those to attach, as they are deployed."""
    iam = stack.client("iam")
    return {
        name: [iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"]]
        for name, arn in resources.items()
        if name in ATTACHED
    } | {
        name: [
            iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
            for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]
        ]
        for name, role in resources.items()
        if name.endswith("Role")
    }


def decisions(documents: list[Any], rules: list[Rule]) -> dict[Rule | str, str]:
    questions = [
        {"policies": documents, "action": rule[0], "resource": rule[1], "context": dict(*rule[2:])}
        for rule in rules
    ]
    return dict(zip(map(str, rules), evaluate(questions), strict=True))


def test_every_role_is_spoken_of(policies: dict[str, list[Any]]) -> None:
    assert set(policies) == set(MUST_ALLOW) == set(MUST_DENY)
    assert all(policies.values())


@pytest.mark.parametrize("role", MUST_ALLOW)
def test_a_role_may_do_its_work(policies: dict[str, list[Any]], role: str) -> None:
    found = decisions(policies[role], MUST_ALLOW[role])
    assert {rule for rule, decision in found.items() if decision != "Allow"} == set()


@pytest.mark.parametrize("role", MUST_DENY)
def test_a_role_may_do_nothing_else(policies: dict[str, list[Any]], role: str) -> None:
    found = decisions(policies[role], [*MUST_DENY[role], *NOBODY])
    assert {rule for rule, decision in found.items() if decision == "Allow"} == set()


# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html
# …/list_awsstepfunctions.html and …/list_awsx-ray.html: these take no resource, or none that
# Step Functions could name.
UNNARROWED = {
    "states:ListStateMachines",
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
}


def test_only_what_cannot_be_narrowed_is_allowed_everywhere(policies: dict[str, list[Any]]) -> None:
    everywhere = {
        action
        for documents in policies.values()
        for document in documents
        for statement in document["Statement"]
        if statement["Effect"] == "Allow" and "*" in _list(statement["Resource"])
        for action in _list(statement["Action"])
    }
    assert everywhere == UNNARROWED


def test_the_policies_of_a_role_are_not_too_long(policies: dict[str, list[Any]]) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""
    sizes = {
        role: sum(len(json.dumps(one, separators=(",", ":"))) for one in documents)
        for role, documents in policies.items()
    }
    # other names may be longer than those of this stack
    attached = {sizes.pop(name) for name in ATTACHED}
    assert max(attached) < 6_144 - 1_500
    assert max(sizes.values()) < 10_240 - 1_500, sizes


def test_no_action_is_a_pattern(policies: dict[str, list[Any]]) -> None:
    actions = {
        action
        for documents in policies.values()
        for document in documents
        for statement in document["Statement"]
        for action in _list(statement["Action"])
    }
    assert not {action for action in actions if "*" in action}


def _list(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]
