"""What AWS bills: in Python, and the same in the summary that the state machine makes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from otel_analytics.config import Prices, Settings
from otel_analytics.pipeline import build_definition
from otel_analytics.pipeline.billing import Usage, billed_bytes, planned_usage
from otel_analytics.pipeline.cost import cost_of
from otel_analytics.pipeline.refresh import RefreshPlan, Step
from tests.pipeline.stand_in_aws import StandInAws, athena_failure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_analytics import asl

MB = 1_000_000
RAW = {"service_names": ["a-shop", "b-shop"], "execution_date": "2025-10-28", "source": "raw"}
ONE_DOLLAR_EACH = Prices(
    athena_usd_per_tb=1.0,
    step_functions_usd_per_1000_transitions=1.0,
    lambda_usd_per_million_requests=1.0,
    lambda_usd_per_million_gb_seconds=2.0,
    lambda_gb_seconds_per_call=0.5,
)


class Scanning(StandInAws):
    """Every query scans what its turn says; those that only change the catalog scan nothing."""

    def scan(self, sizes: Iterator[int]) -> Scanning:
        self.sizes = sizes
        return self

    def start_query_execution(self, arguments: Any, context: asl.TaskContext) -> Any:
        answer = super().start_query_execution(arguments, context)
        free = arguments["QueryString"].startswith("DROP")
        scanned = 0 if free else next(self.sizes)
        answer["QueryExecution"]["Statistics"]["DataScannedInBytes"] = scanned
        return answer


@pytest.mark.parametrize(
    ("scanned", "billed"),
    [
        (0, 10 * MB),
        (10 * MB, 10 * MB),
        (10 * MB + 1, 11 * MB),
        (25_400_000, 26 * MB),
        (3_000_000 * MB, 3_000_000 * MB),
    ],
)
def test_a_query_is_billed_to_the_next_megabyte_and_ten_at_least(scanned: int, billed: int) -> None:
    assert billed_bytes(scanned) == billed


def test_the_minimum_counts_for_each_query() -> None:
    assert Usage.of_queries([0, 12 * MB, 1]) == Usage(3, 12 * MB + 1, 32 * MB)


def test_the_cost_is_the_sum_of_what_each_price_is_for() -> None:
    usage = Usage(billed_bytes=2_000_000 * MB, transitions=3000, lambda_calls=4_000_000)
    # 2 TB, 3 thousands, and 4 millions at 1 for the request and half of 2 for the duration
    assert usage.usd(ONE_DOLLAR_EACH) == 2 + 3 + 4 * (1 + 1)


def test_the_default_prices_are_those_of_the_pages_that_they_name() -> None:
    usage = Usage(billed_bytes=1_000_000 * MB, transitions=1000, lambda_calls=1_000_000)
    assert usage.usd(Prices()) == pytest.approx(5 + 0.025 + (0.2 + 0.5 * 13.3334))


def summary(execution: asl.Execution) -> dict[str, Any]:
    whole = execution.output["execution_summary"]
    assert isinstance(whole, dict)
    return whole


def test_the_summary_says_what_its_history_says() -> None:
    sizes = [n * 3_700_001 for n in range(16)]
    settings = replace(Settings(), prices=ONE_DOLLAR_EACH)
    execution = Scanning().scan(iter(sizes)).run(RAW, settings=settings)
    usage = cost_of(execution.history).usage
    assert usage == Usage.of_queries(sizes) + Usage(
        transitions=execution.transitions, lambda_calls=18
    )
    found = summary(execution)
    assert {name: found[name] for name in ("queries", "scanned_bytes", "billed_bytes")} == {
        "queries": 16,
        "scanned_bytes": 120 * 3_700_001,
        "billed_bytes": usage.billed_bytes,
    }
    assert found["least_transitions"] == usage.transitions
    assert found["estimated_cost_usd"] == pytest.approx(usage.usd(ONE_DOLLAR_EACH), abs=2e-6)


PLANS = (
    RefreshPlan((Step("activity", ()), Step("activity_dau", ())), (), has_more=True),
    RefreshPlan((Step("activity", ()),), (), has_more=False),
)


class Refreshing(Scanning):
    """Two steps are planned, and after them, since there is more, another one."""

    def invoke(self, arguments: Any, context: asl.TaskContext) -> Any:
        payload = arguments["Payload"]
        answer = super().invoke(arguments, context)
        if payload.get("action") == "plan":
            is_first = sum(one.get("action") == "plan" for _, one in self.calls) == 1
            stages = [
                {"steps": [{"level": step.level, "periods": {}} for step in stage]}
                for stage in PLANS[0 if is_first else 1].stages
            ]
            return {"Payload": {"stages": stages, "has_more": is_first}}
        if payload.get("action") == "build":
            location = f"s3://lake/activity/{payload['level']}/run/{payload['step']}/{{attempt}}/"
            query = f"CREATE TABLE t WITH (external_location = '{location}') AS SELECT 1 AS a"
            return {"Payload": {"query_string": query, "inputs": ""}}
        if payload.get("action") == "register":
            return {"Payload": {"partitions": 3}}
        return answer


def test_the_summary_counts_the_refresh_and_says_what_each_level_took() -> None:
    sizes = [30 * MB, 2, 11 * MB, *range(8)]
    payload = {**RAW, "service_names": ["a-shop"], "source": "activity"}
    execution = Refreshing().scan(iter(sizes)).run(payload)
    assert execution.output["refreshed"] == [
        {"level": "activity", "partitions": 3, "scanned_bytes": 30 * MB},
        {"level": "activity_dau", "partitions": 3, "scanned_bytes": 2},
        {"level": "activity", "partitions": 3, "scanned_bytes": 11 * MB},
    ]
    cost, found = cost_of(execution.history), summary(execution)
    assert [(query.service_name, query.name) for query in cost.queries[:3]] == [
        ("", "activity"),
        ("", "activity_dau"),
        ("", "activity"),
    ]
    assert (found["queries"], found["scanned_bytes"]) == (11, sum(sizes))
    assert found["billed_bytes"] == (30 + 10 + 11 + 8 * 10) * MB == cost.usage.billed_bytes
    assert found["least_transitions"] == cost.transitions == execution.transitions
    assert found["estimated_cost_usd"] == pytest.approx(cost.usage.usd(Prices()), abs=2e-6)
    planned = planned_usage(build_definition(Settings()), services=1, plans=PLANS)
    assert (planned.transitions, planned.lambda_calls) == (cost.transitions, cost.lambda_calls)


def test_every_service_says_what_its_tables_and_its_checks_took() -> None:
    sizes = [*range(8), *(12 * MB for _ in range(8))]
    execution = Scanning().scan(iter(sizes)).run(RAW)
    assert [result["use"] for result in execution.output["results"]] == [
        {"queries": 8, "scanned_bytes": 28, "billed_bytes": 80 * MB},
        {"queries": 8, "scanned_bytes": 96 * MB, "billed_bytes": 96 * MB},
    ]
    assert [result["checks"]["scanned_bytes"] for result in execution.output["results"]] == [
        7,
        12 * MB,
    ]


def test_what_a_failed_service_used_counts_and_the_transitions_are_a_lower_bound() -> None:
    aws = Scanning().scan(iter(range(16)))
    aws.always["CreateConversionTable"] = athena_failure("COLUMN_NOT_FOUND", retryable=False)
    execution = aws.run({**RAW, "service_names": ["a-shop"]})
    (found,) = aws.objects.values()
    assert found["results"][0]["status"] == "FAILED"
    # the first batch was over: mau and dau
    assert found["results"][0]["use"] == {
        "queries": 2,
        "scanned_bytes": 1,
        "billed_bytes": 20 * MB,
    }
    assert found["execution_summary"]["queries"] == 2
    assert 0 < found["execution_summary"]["least_transitions"] < execution.transitions


def test_a_plan_is_what_an_execution_without_failures_takes() -> None:
    execution = StandInAws().run(RAW)
    planned = planned_usage(build_definition(Settings()), services=2)
    usage = cost_of(execution.history).usage
    assert (planned.transitions, planned.lambda_calls) == (usage.transitions, usage.lambda_calls)
