"""The template and the document, by validators that others wrote; and what no emulator shows."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from cfnlint.api import lint
from cfnlint.config import ManualArgs
from cfnlint.decode import decode_str
from moto import mock_aws
from moto.core.config import default_user_config

from otel_analytics.aws.deployment import build_stack_definition, read_template
from otel_analytics.config import Settings, settings_table
from otel_analytics.errors import InvalidName
from otel_analytics.metrics import load_catalog
from otel_analytics.names import (
    Leaf,
    S3Address,
    execution_token,
    history_table_name,
    parse_service_names,
    table_name,
)
from otel_analytics.pipeline.level_leaves import LevelLeaf
from otel_analytics.query.levels import load_levels

REGIONS = ["ap-northeast-2", "eu-central-1", "us-east-1"]
# What says that the template is for `aws cloudformation package`, which it is.
TO_BE_PACKAGED = ["W3002", "W1101"]


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    found, problems = decode_str(read_template())
    assert not problems
    assert isinstance(found, dict)
    return found


@pytest.fixture(scope="module")
def resources(template: dict[str, Any]) -> dict[str, Any]:
    found = template["Resources"]
    assert isinstance(found, dict)
    return found


def of_type(resources: dict[str, Any], kind: str) -> dict[str, Any]:
    return {name: one["Properties"] for name, one in resources.items() if one["Type"] == kind}


def findings(text: str) -> list[str]:
    arguments = ManualArgs(regions=REGIONS, ignore_checks=TO_BE_PACKAGED)
    return [f"{found.rule.id} {found.message}" for found in lint(text, config=arguments)]


def with_document(document: dict[str, Any]) -> str:
    """Return a template whose state machine has the document in it, where cfn-lint reads it."""
    properties = {
        "RoleArn": "arn:aws:iam::123456789012:role/role",
        "DefinitionString": json.dumps(document),
        "DefinitionSubstitutions": dict.fromkeys(SUBSTITUTIONS, "x"),
    }
    machine = {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}
    return json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": {"M": machine}})


SUBSTITUTIONS = (
    *("Database", "S3Base", "OutputLocation", "WorkGroup", "QueryBuilderFunction"),
    *("ChecksBuilderFunction", "TablePublisherFunction", "ActivityRefresherFunction"),
)


def test_cfn_lint_finds_nothing() -> None:
    assert findings(read_template()) == []


def test_cfn_lint_finds_nothing_in_the_document_and_something_in_a_broken_one() -> None:
    document = build_stack_definition(Settings())
    assert findings(with_document(document)) == []
    document["States"]["CheckInput"]["Type"] = "Chioce"
    assert len(findings(with_document(document))) == 1


def test_motos_parser_takes_the_document_and_not_a_broken_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The parser is that of its interpreter of state machines, which is LocalStack's.
    monkeypatch.setitem(default_user_config, "stepfunctions", {"execute_state_machine": True})
    with mock_aws():
        client = boto3.client(
            "stepfunctions",
            region_name="us-east-1",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",  # noqa: S106 - no secret
        )

        def create(document: dict[str, Any]) -> str:
            role = "arn:aws:iam::123456789012:role/role"
            text = json.dumps(document)
            return str(
                client.create_state_machine(name="m", definition=text, roleArn=role)[
                    "stateMachineArn"
                ]
            )

        document = build_stack_definition(Settings())
        assert create(document).endswith(":stateMachine:m")
        document["States"]["CheckInput"]["Type"] = "Chioce"
        with pytest.raises(ClientError, match="Chioce"):
            create(document)


def test_the_document_needs_what_the_template_substitutes(resources: dict[str, Any]) -> None:
    given = resources["StateMachine"]["Properties"]["DefinitionSubstitutions"]
    assert set(given) == set(SUBSTITUTIONS)
    text = json.dumps(build_stack_definition(Settings()))
    assert all(f"${{{name}}}" in text for name in SUBSTITUTIONS)
    assert text.count("${") == sum(text.count(f"${{{name}}}") for name in SUBSTITUTIONS)


def test_a_setting_that_the_template_sets_is_one(resources: dict[str, Any]) -> None:
    variables = {setting.variable for setting in settings_table()}
    for function in of_type(resources, "AWS::Lambda::Function").values():
        named = set(function["Environment"]["Variables"])
        ours = {name for name in named if name.startswith("OTEL_ANALYTICS_")}
        assert ours
        assert ours <= variables


def tables_of(role: dict[str, Any], effect: str, action: str) -> set[str]:
    """Return the patterns of the tables for which a role's policies say so of an action."""
    policies = [one.get("Fn::If", [None, one])[1] for one in role["Properties"]["Policies"]]
    statements = [one for policy in policies for one in policy["PolicyDocument"]["Statement"]]
    found: set[str] = set()
    for one in statements:
        if one["Effect"] == effect and action in one["Action"]:
            resources = one["Resource"] if isinstance(one["Resource"], list) else [one["Resource"]]
            arns = [resource["Fn::Sub"] for resource in resources]
            found |= {arn.rpartition("/")[2] for arn in arns if ":table/" in arn}
    return found


STAGING = {f"*_{query_type}_*_????????_*" for query_type in load_catalog()}
PUBLISHED = {
    f"*_{query_type}_summary{history}"
    for query_type in load_catalog()
    for history in ("", "_history")
}
STAGING_LEVELS = {"activity_*_????????_*_*_*_*"}
LEVELS = {*load_levels()}


@pytest.mark.parametrize(
    ("role", "action", "allowed", "denied"),
    [
        (
            "StateMachineRole",
            "glue:DeleteTable",
            STAGING | STAGING_LEVELS,
            {*LEVELS, "logall", "*_summary", "*_summary_history"},
        ),
        ("StateMachineRole", "glue:UpdateTable", set(), LEVELS),
        ("TablePublisherRole", "glue:DeleteTable", STAGING, {*LEVELS, "logall"}),
        ("TablePublisherRole", "glue:UpdateTable", PUBLISHED, {*LEVELS, "logall"}),
        ("ActivityRefresherRole", "glue:DeleteTable", STAGING_LEVELS, set()),
        ("ActivityRefresherRole", "glue:UpdateTable", LEVELS, set()),
    ],
)
def test_a_role_may_change_the_tables_of_the_catalog_and_no_others(
    resources: dict[str, Any], role: str, action: str, allowed: set[str], denied: set[str]
) -> None:
    assert tables_of(resources[role], "Allow", action) == allowed
    assert tables_of(resources[role], "Deny", action) == denied


def test_the_names_of_staging_tables_are_what_the_roles_may_drop() -> None:
    execution = execution_token("run-1", "arn:aws:states:x:1:execution:pipeline:run-1")

    def matching(name: str) -> set[str]:
        return {one for one in STAGING | STAGING_LEVELS if fnmatchcase(name, one)}

    for query_type in load_catalog():
        leaf = Leaf("s3://b/summary", "the_shop", query_type, execution, "0")
        assert matching(leaf.staging_table) == {f"*_{query_type}_*_????????_*"}
        assert not matching(table_name("the_shop", query_type))
        assert not matching(history_table_name("the_shop", query_type))
    for level in load_levels():
        assert matching(LevelLeaf(level, execution, "0_0_0", "0").table) >= STAGING_LEVELS
        assert not matching(level)


def test_data_stay_when_the_stack_goes(resources: dict[str, Any]) -> None:
    data = ("AWS::S3::Bucket", "AWS::S3::BucketPolicy", "AWS::Glue::Database", "AWS::Glue::Table")
    kept = {name for name, one in resources.items() if one["Type"] in data}
    assert kept == {"DataBucket", "DataBucketPolicy", "GlueDatabase", "LogallTable"}
    for name in kept:
        assert resources[name]["DeletionPolicy"] == "Retain", name
        assert resources[name]["UpdateReplacePolicy"] == "Retain", name


def test_the_bucket_is_encrypted_and_not_public(resources: dict[str, Any]) -> None:
    bucket = resources["DataBucket"]["Properties"]
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"] == {
        "SSEAlgorithm": {"Fn::If": ["HasKey", "aws:kms", "AES256"]},
        "KMSMasterKeyID": {"Fn::If": ["HasKey", {"Ref": "KmsKeyArn"}, {"Ref": "AWS::NoValue"}]},
    }
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4


def test_query_results_are_encrypted_by_the_buckets_key(resources: dict[str, Any]) -> None:
    group = resources["AthenaWorkGroup"]["Properties"]["WorkGroupConfiguration"]
    assert group["ResultConfiguration"]["EncryptionConfiguration"] == {
        "EncryptionOption": {"Fn::If": ["HasKey", "SSE_KMS", "SSE_S3"]},
        "KmsKey": {"Fn::If": ["HasKey", {"Ref": "KmsKeyArn"}, {"Ref": "AWS::NoValue"}]},
    }


def test_the_template_takes_the_services_that_deploy_takes(template: dict[str, Any]) -> None:
    """They are put into JSON as they are."""
    pattern = re.compile(template["Parameters"]["ServiceNames"]["AllowedPattern"])
    for name in ("theshop-brand", "a.b_c", "A" * 64, ""):
        assert pattern.fullmatch(name), name
    for name in ('a"', "a b", "-a", "A" * 65):
        assert not pattern.fullmatch(name), name
        with pytest.raises(InvalidName):
            parse_service_names([name])


def test_no_right_is_narrowed_by_what_its_requests_do_not_have(resources: dict[str, Any]) -> None:
    """Of what the roles may do with a bucket, ListBucket alone has a prefix."""
    for role in of_type(resources, "AWS::IAM::Role").values():
        policies = [one.get("Fn::If", [None, one])[1] for one in role["Policies"]]
        for statement in (
            one for policy in policies for one in policy["PolicyDocument"]["Statement"]
        ):
            if "s3:prefix" in str(statement.get("Condition")):
                assert statement["Action"] == "s3:ListBucket"


def test_what_the_pipeline_does_is_logged_and_traced(resources: dict[str, Any]) -> None:
    machine = resources["StateMachine"]["Properties"]
    assert machine["TracingConfiguration"] == {"Enabled": True}
    assert machine["LoggingConfiguration"]["Level"] == "ERROR"
    functions = of_type(resources, "AWS::Lambda::Function")
    called = [name for name in SUBSTITUTIONS if name.endswith("Function")]
    for name in called:
        assert functions[name.removesuffix("Function")]["TracingConfig"] == {"Mode": "Active"}


def test_every_function_has_a_role_of_its_own(resources: dict[str, Any]) -> None:
    functions = of_type(resources, "AWS::Lambda::Function")
    roles = [function["Role"]["Fn::GetAtt"][0] for function in functions.values()]
    assert roles == [f"{name}Role" for name in functions]


def test_who_reads_or_writes_objects_may_use_the_buckets_key(resources: dict[str, Any]) -> None:
    uses_objects = {
        name
        for name, role in of_type(resources, "AWS::IAM::Role").items()
        if {"s3:GetObject", "s3:PutObject"} & set(allowed_actions(role))
    }
    may_use_key = {
        name
        for name, role in of_type(resources, "AWS::IAM::Role").items()
        if "kms:Decrypt" in allowed_actions(role)
    }
    assert may_use_key == uses_objects
    assert may_use_key == {
        "StateMachineRole",
        "TablePublisherRole",
        "LogProcessorRole",
        "LogSweepRole",
    }


def allowed_actions(role: dict[str, Any]) -> list[str]:
    """Return the actions of a role's policies, those under a condition of the stack included."""
    policies = [one.get("Fn::If", [None, one])[1] for one in role["Policies"]]
    statements = [one for policy in policies for one in policy["PolicyDocument"]["Statement"]]
    actions = [one["Action"] for one in statements if one["Effect"] == "Allow"]
    return [name for one in actions for name in ([one] if isinstance(one, str) else one)]


def test_the_schedule_has_a_time_zone(template: dict[str, Any], resources: dict[str, Any]) -> None:
    schedule = resources["PipelineSchedule"]["Properties"]
    assert schedule["ScheduleExpressionTimezone"] == {"Ref": "ScheduleTimezone"}
    assert template["Parameters"]["Schedule"]["Default"] == "cron(0 2 * * ? *)"
    assert template["Parameters"]["ScheduleTimezone"]["Default"] == "UTC"


def test_a_prefix_of_the_template_is_one_of_the_settings(template: dict[str, Any]) -> None:
    defaults = Settings()
    addresses = {
        "LakePrefix": defaults.lake,
        "TablesPrefix": defaults.athena.s3_base,
        "ResultsPrefix": defaults.athena.output_location,
    }
    for name, address in addresses.items():
        assert template["Parameters"][name]["Default"] == S3Address.parse(address).key
