"""The stack comes up in an emulator of AWS, with everything in it as it was asked for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from cfnlint.api import lint
from cfnlint.config import ManualArgs

from otel_analytics.lake.schema import LOGALL_COLUMNS, LOGALL_PARTITIONS
from tests.aws.emulator.conftest import ACCOUNT, BUCKET, REGION, STACK

if TYPE_CHECKING:
    from tests.aws.emulator.conftest import Emulator

MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:otel-analytics-pipeline"


def test_the_stack_is_complete(stack: Emulator) -> None:
    (found,) = stack.aws("cloudformation", "describe-stacks", "--stack-name", STACK)["Stacks"]
    outputs = {one["OutputKey"]: one["OutputValue"] for one in found["Outputs"]}
    assert found["StackStatus"] == "CREATE_COMPLETE"
    assert outputs["StateMachineArn"] == MACHINE


def test_the_template_is_valid_to_cloudformation(stack: Emulator) -> None:
    template = stack.folder / "deployment" / "packaged.yaml"
    stack.aws("s3", "cp", str(template), "s3://deployments/packaged.yaml")
    url = f"{stack.endpoint}/deployments/packaged.yaml"
    found = stack.aws("cloudformation", "validate-template", "--template-url", url)
    assert {one["ParameterKey"] for one in found["Parameters"]} >= {"Bucket", "ServiceNames"}


def test_cfn_lint_finds_nothing_in_what_is_deployed(stack: Emulator) -> None:
    packaged = (stack.folder / "deployment" / "packaged.yaml").read_text("utf-8")
    assert lint(packaged, config=ManualArgs(regions=[REGION])) == []


# name: namespace, metric, statistic, operator, threshold, seconds, periods, missing data
ALARMS = {
    "step-functions-execution-failed": (
        *("AWS/States", "ExecutionsFailed", "Sum"),
        *("GreaterThanOrEqualToThreshold", 1, 300, 1, "notBreaching"),
    ),
    "step-functions-execution-throttled": (
        *("AWS/States", "ExecutionThrottled", "Sum"),
        *("GreaterThanOrEqualToThreshold", 1, 300, 1, "notBreaching"),
    ),
    "step-functions-execution-timed-out": (
        *("AWS/States", "ExecutionsTimedOut", "Sum"),
        *("GreaterThanOrEqualToThreshold", 1, 300, 1, "notBreaching"),
    ),
    "step-functions-execution-aborted": (
        *("AWS/States", "ExecutionsAborted", "Sum"),
        *("GreaterThanOrEqualToThreshold", 1, 300, 1, "notBreaching"),
    ),
    # Two hours in milliseconds.
    "step-functions-execution-time": (
        *("AWS/States", "ExecutionTime", "Maximum"),
        *("GreaterThanThreshold", 7_200_000, 300, 1, "notBreaching"),
    ),
    "step-functions-no-success": (
        *("AWS/States", "ExecutionsSucceeded", "Sum"),
        *("LessThanThreshold", 1, 3600, 26, "breaching"),
    ),
    "otel-analytics-dead-objects": (
        *("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum"),
        *("GreaterThanOrEqualToThreshold", 1, 300, 1, "notBreaching"),
    ),
    "otel-analytics-undelivered": (
        *("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum"),
        *("GreaterThanOrEqualToThreshold", 1, 300, 1, "notBreaching"),
    ),
    "otel-analytics-unreadable-objects": (
        *("otel-analytics", "UnreadableObjects", "Sum"),
        *("GreaterThanOrEqualToThreshold", 1, 300, 1, "notBreaching"),
    ),
}


def test_the_alarms_are_those_of_the_guide_and_some_more(
    stack: Emulator, resources: dict[str, str]
) -> None:
    found = stack.aws("cloudwatch", "describe-alarms")["MetricAlarms"]
    alarms = [one for one in found if not one["AlarmName"].endswith("-test")]  # another stack's
    fields = ("Namespace", "MetricName", "Statistic", "ComparisonOperator", "Threshold")
    fields += ("Period", "EvaluationPeriods", "TreatMissingData")
    assert {one["AlarmName"]: tuple(one[field] for field in fields) for one in alarms} == ALARMS
    assert {action for one in alarms for action in one["AlarmActions"]} == {resources["AlarmTopic"]}
    assert all(one["ActionsEnabled"] for one in alarms)
    of_machine = [one for one in alarms if one["Namespace"] == "AWS/States"]
    machine = [{"Name": "StateMachineArn", "Value": MACHINE}]
    assert all(one["Dimensions"] == machine for one in of_machine)


def test_the_schedule_starts_the_services_at_two(stack: Emulator) -> None:
    found = stack.aws("scheduler", "get-schedule", "--name", "otel-analytics-pipeline")
    assert found["ScheduleExpression"] == "cron(0 2 * * ? *)"
    assert found["ScheduleExpressionTimezone"] == "UTC"
    assert found["State"] == "ENABLED"
    assert found["Target"]["Arn"] == MACHINE
    payload = {"service_names": ["theshop-brand", "theshop-pharmacy"]}
    assert json.loads(found["Target"]["Input"]) == payload


def test_the_document_is_valid_to_step_functions(stack: Emulator) -> None:
    found = stack.aws("stepfunctions", "describe-state-machine", "--state-machine-arn", MACHINE)
    assert found["type"] == "STANDARD"
    (stack.folder / "definition.json").write_text(found["definition"])
    validated = stack.aws(
        *("stepfunctions", "validate-state-machine-definition"),
        *("--definition", "file://definition.json"),
    )
    assert (validated["result"], validated["diagnostics"]) == ("OK", [])


@pytest.mark.parametrize(
    "name",
    [
        "athena-query-builder",
        "athena-checks-builder",
        "athena-table-publisher",
        "athena-activity-refresher",
        "otel-log-processor",
        "otel-log-sweep",
    ],
)
def test_the_functions_are_python_3_13_on_arm64_with_time_enough(
    stack: Emulator, name: str
) -> None:
    found = stack.aws("lambda", "get-function-configuration", "--function-name", name)
    assert (found["Runtime"], found["Architectures"]) == ("python3.13", ["arm64"])
    assert found["Timeout"] >= 30
    roles = {
        stack.aws("lambda", "get-function-configuration", "--function-name", other)["Role"]
        for other in ("athena-query-builder", "otel-log-processor")
    }
    assert len(roles) == 2


def test_the_work_group_lets_a_query_say_where_its_table_goes(stack: Emulator) -> None:
    found = stack.aws("athena", "get-work-group", "--work-group", "otel-analytics")["WorkGroup"]
    configuration = found["Configuration"]
    assert configuration["EnforceWorkGroupConfiguration"] is False
    location = configuration["ResultConfiguration"]["OutputLocation"]
    assert location == f"s3://{BUCKET}/athena-results/"


def test_logall_has_the_columns_of_ingest_and_projects_its_days(stack: Emulator) -> None:
    table = stack.aws("glue", "get-table", "--database-name", "log_db", "--name", "logall")["Table"]
    columns = {one["Name"]: one["Type"] for one in table["StorageDescriptor"]["Columns"]}
    partitions = {one["Name"]: one["Type"] for one in table["PartitionKeys"]}
    assert list(columns.items()) == list(LOGALL_COLUMNS.items())
    assert list(partitions.items()) == list(LOGALL_PARTITIONS.items())
    assert table["StorageDescriptor"]["Location"] == f"s3://{BUCKET}/lake/logall/"
    parameters = table["Parameters"]
    assert parameters["projection.enabled"] == "true"
    assert parameters["projection.month.digits"] == parameters["projection.day.digits"] == "2"
    assert parameters["storage.location.template"] == (
        f"s3://{BUCKET}/lake/logall/year=${{year}}/month=${{month}}/day=${{day}}/"
    )


def test_the_bucket_is_not_public_and_takes_nothing_in_the_clear(stack: Emulator) -> None:
    def of(command: str) -> Any:
        return stack.aws("s3api", command, "--bucket", BUCKET)

    blocked = of("get-public-access-block")["PublicAccessBlockConfiguration"]
    assert set(blocked.values()) == {True}
    assert len(blocked) == 4
    policy = json.loads(of("get-bucket-policy")["Policy"])
    (statement,) = policy["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


@pytest.mark.parametrize("queue", ["ObjectQueue", "DeadObjectQueue", "UndeliveredQueue"])
def test_the_queues_are_encrypted(stack: Emulator, resources: dict[str, str], queue: str) -> None:
    found = stack.client("sqs").get_queue_attributes(
        QueueUrl=resources[queue], AttributeNames=["All"]
    )["Attributes"]
    assert found["SqsManagedSseEnabled"] == "true"


def test_what_is_logged_goes_after_thirty_days(stack: Emulator) -> None:
    found = stack.aws("logs", "describe-log-groups")["logGroups"]
    kept = {one["logGroupName"]: one.get("retentionInDays") for one in found}
    assert kept["/aws/lambda/otel-analytics"] == 30
    assert kept["/aws/vendedlogs/states/otel-analytics-pipeline"] == 30


def test_the_dashboard_is_json(stack: Emulator) -> None:
    found = stack.aws("cloudwatch", "get-dashboard", "--dashboard-name", "otel-analytics")
    widgets = json.loads(found["DashboardBody"])["widgets"]
    assert len(widgets) == 6
