"""What an execution used, read from its history."""

from __future__ import annotations

import pytest

from otel_analytics import asl
from otel_analytics.metrics import load_catalog
from otel_analytics.pipeline.cost import cost_of
from tests.pipeline.stand_in_aws import StandInAws, athena_failure

PAYLOAD = {"service_names": ["a-shop", "b-shop"], "execution_date": "2025-10-28", "source": "raw"}
AGAIN = athena_failure("throttled", retryable=True)


def test_each_query_is_known_by_its_service_and_table_and_drops_are_free() -> None:
    cost = cost_of(StandInAws().run(PAYLOAD).history)
    of_service = {(query.service_name, query.name) for query in cost.queries}
    names = [*load_catalog(), "checks"]
    assert of_service == {(service, name) for service in PAYLOAD["service_names"] for name in names}
    # the stand-in gives 100 bytes for each statement, also for the 14 drops
    assert [query.scanned_bytes for query in cost.queries] == [100] * 16


def test_a_failed_query_costs_nothing_but_its_transitions() -> None:
    smooth = StandInAws().run(PAYLOAD)
    aws = StandInAws()
    aws.failures["CreateMAUTable"] = [AGAIN]
    bumpy = aws.run(PAYLOAD)
    assert bumpy.status == "SUCCEEDED"
    found, expected = cost_of(bumpy.history), cost_of(smooth.history)
    assert len(found.queries) == len(expected.queries)
    # a Choice, a Wait, and the Task once more
    assert found.transitions == expected.transitions + 3


@pytest.mark.parametrize(
    ("state", "failure"),
    [
        ("CreateMAUTable", AGAIN),
        ("DropDAUTable", asl.TaskFailed("States.Timeout", "late")),
        ("BuildRetentionQuery", asl.TaskFailed("Lambda.TooManyRequestsException", "busy")),
        ("BuildRetentionQuery", asl.TaskFailed("TypeError", "no")),
        ("VerifyTables", AGAIN),
        ("StoreSummary", asl.TaskFailed("S3.SlowDown", "busy")),
    ],
)
def test_transitions_are_those_that_the_runtime_counts(state: str, failure: asl.TaskFailed) -> None:
    aws = StandInAws()
    aws.failures[state] = [failure, failure]
    execution = aws.run(PAYLOAD)
    assert cost_of(execution.history).transitions == execution.transitions


def test_after_a_redrive_all_that_was_done_before_and_since_counts() -> None:
    aws = StandInAws()
    # no Catch hears it; else the execution would end in a Fail state, which a redrive only repeats
    aws.always["StoreSummary"] = asl.TaskFailed("States.Runtime", "killed")
    execution = aws.run(PAYLOAD)
    before = cost_of(execution.history)
    aws.always.clear()
    aws.redrive(execution)
    assert execution.status == "SUCCEEDED"
    cost = cost_of(execution.history)
    assert cost.queries == before.queries
    # the redrive itself, and AllCompleted and Completed
    assert cost.transitions == execution.transitions == before.transitions + 3


def test_a_query_that_a_redrive_repeats_is_of_no_state_and_counts() -> None:
    aws = StandInAws()
    # no Catch hears it, so that the execution fails while the query is under way
    aws.failures["CreateMAUTable"] = [asl.TaskFailed("States.Runtime", "killed")]
    execution = aws.run({**PAYLOAD, "service_names": ["a-shop"]})
    assert execution.status == "FAILED"
    aws.redrive(execution)
    assert execution.status == "SUCCEEDED"
    cost = cost_of(execution.history)
    assert cost.transitions == execution.transitions
    assert ("", "redriven") in {(query.service_name, query.name) for query in cost.queries}


def test_a_retried_lambda_is_called_twice() -> None:
    aws = StandInAws()
    aws.failures["BuildMAUQuery"] = [asl.TaskFailed("Lambda.TooManyRequestsException", "busy")]
    # nine of each service, and the retry
    assert cost_of(aws.run(PAYLOAD).history).lambda_calls == 2 * 9 + 1


def test_an_execution_that_was_refused_has_used_its_transitions() -> None:
    execution = StandInAws().run({"service_names": []})
    assert execution.error == "InvalidInput"
    cost = cost_of(execution.history)
    assert (cost.queries, cost.transitions, cost.lambda_calls) == ((), 2, 0)
