"""`cost`, `run --dry-run` and `run --max-scan`: what runs used, and what they would."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from otel_analytics.metrics import load_catalog
from otel_analytics.query.levels import load_levels
from tests.cli.conftest import E

if TYPE_CHECKING:
    from tests.cli.shell import Shell

MB = 1_000_000
RUN = ("run", "otto", "--execution-date", E)
RAW = ("--source", "raw")
TABLES = [*load_catalog(), "checks"]


def by_name(document: dict[str, Any], service: str = "otto") -> dict[str, dict[str, Any]]:
    return {
        table["name"]: table for table in document["tables"] if table["service_name"] == service
    }


def assert_close(foreseen: int, scanned: int) -> None:
    """Files here have a few KB each, of which DuckDB reads parts twice; and heads of empty ones."""
    assert foreseen <= scanned <= 1.5 * foreseen + 1000


def test_the_cost_is_shown_by_service_and_table(otto_shell: Shell) -> None:
    (name,) = (one["name"] for one in otto_shell.done("executions", "--json").json["executions"])
    shown = otto_shell.done("cost").stdout.splitlines()
    assert shown[0].split() == ["service", "table", "queries", "scanned", "billed", "usd"]
    rows = [line.split() for line in shown[2:-1]]
    of_otto = {row[1]: row[2:] for row in rows if row[0] == "otto"}
    assert sorted(of_otto) == sorted(TABLES)
    # OTTO's sample is small: each query is billed its minimum, 10 MB of 5 USD for 10¹²
    assert {tuple(row[-3:]) for row in of_otto.values()} == {("10.00", "MB", "$0.000050")}
    assert shown[-1].startswith(f"{name} SUCCEEDED: ")


def test_the_cost_is_what_the_summary_of_the_execution_says(otto_shell: Shell) -> None:
    (one,) = otto_shell.done("executions", "--json").json["executions"]
    output = json.loads(otto_shell.done("describe", one["name"], "--json").json["output"])
    summary = output["execution_summary"]
    cost = otto_shell.done("cost", one["name"][:12], "--json").json
    assert cost["execution"] == one["name"]
    for field in ("queries", "scanned_bytes", "billed_bytes", "estimated_cost_usd"):
        assert cost[field] == pytest.approx(summary[field], abs=2e-6)
    assert cost["transitions"] == summary["least_transitions"]
    assert cost["queries"] == sum(table["queries"] for table in cost["tables"])
    assert {name: by_name(cost)[name]["scanned_bytes"] for name in load_catalog()} == {
        table["query_type"]: table["scanned_bytes"] for table in output["results"][0]["tables"]
    }


def test_without_a_run_there_is_no_cost(shell: Shell) -> None:
    assert shell.refused("cost") == "there is no execution yet: otel-analytics run SERVICE…"


def test_prices_are_settings(otto_shell: Shell) -> None:
    names = ("athena_usd_per_tb", "lambda_usd_per_million_requests", "lambda_gb_seconds_per_call")
    free = [option for name in names for option in ("--set", f"prices.{name}=0")]
    a_dollar = ("--set", "prices.step_functions_usd_per_1000_transitions=1000")
    cost = otto_shell.done("cost", "--json", *free, *a_dollar).json
    assert cost["estimated_cost_usd"] == cost["transitions"]


@pytest.mark.usefixtures("no_waiting")
def test_a_retry_costs_transitions(own_otto: Shell) -> None:
    own_otto.done(*RUN, "--name", "smooth")
    own_otto.done(*RUN, "--inject", "CreateMAUTable:States.Timeout", "--name", "bumpy")
    smooth, bumpy = (own_otto.done("cost", name, "--json").json for name in ("smooth", "bumpy"))
    assert bumpy["transitions"] == smooth["transitions"] + 1
    assert bumpy["queries"] == smooth["queries"]


def test_a_dry_run_runs_nothing(own_otto: Shell) -> None:
    before = {path: path.stat().st_mtime_ns for path in own_otto.home.glob("s3/**/*")}
    executions = own_otto.done("executions", "--json").json
    shown = own_otto.done(*RUN, "--dry-run", "--set", "timezone=Asia/Seoul").stdout.splitlines()
    assert shown[-1].startswith(f"{E} would take ")
    assert {path: path.stat().st_mtime_ns for path in own_otto.home.glob("s3/**/*")} == before
    assert own_otto.done("executions", "--json").json == executions


def test_a_dry_run_foresees_the_reading_of_raw_logs(own_otto: Shell) -> None:
    foreseen = own_otto.done(*RUN, *RAW, "--dry-run", "--json").json
    own_otto.done(*RUN, *RAW, "--name", "raw")
    used = own_otto.done("cost", "raw", "--json").json
    for field in ("queries", "transitions", "lambda_calls", "billed_bytes", "estimated_cost_usd"):
        assert foreseen[field] == used[field]
    for name in load_catalog():
        (read,) = by_name(foreseen)[name]["reads"]
        assert (read["table"], read["files"] > 0) == ("logall", True)
        assert_close(read["scanned_bytes"], by_name(used)[name]["scanned_bytes"])


def test_a_dry_run_foresees_the_first_refresh_and_that_nothing_is_left_to_refresh(
    own_otto: Shell,
) -> None:
    # another setting, by which all levels but the first are built anew
    other = ("--set", "events.active=clicks")
    first = own_otto.done(*RUN, *other, "--dry-run", "--json").json
    own_otto.done(*RUN, *other, "--name", "built")
    used = own_otto.done("cost", "built", "--json").json
    for field in ("queries", "transitions", "lambda_calls"):
        assert first[field] == used[field]
    # those of a stage are built at once, in any order
    assert sorted(by_name(first, "")) == sorted(by_name(used, ""))
    assert set(by_name(first, "")) == load_levels().keys() - {"activity"}
    second = own_otto.done(*RUN, *other, "--dry-run", "--json").json
    assert by_name(second, "") == {}
    assert second["queries"] == len(TABLES)
    own_otto.done(*RUN, *other, "--name", "again")
    again = own_otto.done("cost", "again", "--json").json
    for name in load_catalog():
        assert_close(by_name(second)[name]["scanned_bytes"], by_name(again)[name]["scanned_bytes"])


def test_a_dry_run_of_many_dates_tells_each(otto_shell: Shell) -> None:
    days = ("--from", "2022-08-28", "--to", E)
    told = otto_shell.done("run", "otto", *days, *RAW, "--dry-run", "--json").json
    assert [one["execution_date"] for one in told] == ["2022-08-28", E]


def test_a_run_beyond_its_budget_is_refused_and_by_how_much_is_said(own_otto: Shell) -> None:
    foreseen = own_otto.done(*RUN, *RAW, "--dry-run", "--json").json["scanned_bytes"]
    budget = foreseen - 500_000
    message = own_otto.refused(*RUN, *RAW, "--max-scan", str(budget))
    assert message.startswith(
        f"the run as of {E} would scan {foreseen / MB:,.2f} MB, 0.50 MB more than its budget of "
        f"{budget / MB:,.2f} MB: "
    )
    assert own_otto.refused(*RUN, *RAW, "--set", f"budget.max_scan={budget}") == message
    assert len(own_otto.done("executions", "--json").json["executions"]) == 1
    own_otto.done(*RUN, *RAW, "--max-scan", str(foreseen))


def test_the_flag_wins_over_the_setting(own_otto: Shell) -> None:
    own_otto.done(*RUN, "--set", "budget.max_scan=0", "--max-scan", "1TiB")


def test_a_dry_run_beyond_the_budget_tells_first_and_is_refused_then(otto_shell: Shell) -> None:
    ended = otto_shell.run(*RUN, *RAW, "--dry-run", "--max-scan", "1KB")
    assert ended.exit_code == 2
    assert f"{E} would take " in ended.stdout
    assert "more than its budget of 0.00 MB" in ended.stderr


@pytest.mark.parametrize("size", ["", "much", "-1", "10XB", "10iB", "1e9"])
def test_a_budget_that_is_no_size_is_refused(shell: Shell, size: str) -> None:
    message = shell.refused("run", "otto", "--max-scan", size)
    assert message.startswith("--max-scan: ")
    assert message.endswith("write a size such as 10GB, 500MB or 1TiB")


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ({"service_names": []}, "service_names must be a list"),
        ({"service_names": ["otto"], "execution_date": "soon"}, "execution_date 'soon' is not"),
        ({"service_names": ["otto"], "source": "logs"}, "source must be"),
        ({"service_names": ["otto"], "other": 1}, "other"),
        ([], "must be an object"),
    ],
)
def test_a_dry_run_of_a_wrong_payload_is_refused(
    otto_shell: Shell, payload: Any, message: str
) -> None:
    refusal = otto_shell.run("run", "--input", "-", "--dry-run", stdin=json.dumps(payload))
    assert refusal.exit_code == 2
    assert message in refusal.message


def test_a_dry_run_without_logs_says_where_to_begin(shell: Shell) -> None:
    assert "otel-analytics ingest PATH" in shell.refused(*RUN, "--dry-run")
