"""The Lambda athena-checks-builder: its contract, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
from sqlglot import exp, parse_one

from otel_analytics.config import Checks, Settings, Source
from otel_analytics.errors import InvalidPayload
from otel_analytics.metrics import load_catalog
from otel_analytics.query.syntax import MAX_QUERY_BYTES
from otel_analytics.query.verification import CatalogTable, build_verification

EVENT: dict[str, Any] = {
    "service_name": "theshop-web",
    "table_prefix": "theshop_web",
    "s3_base": "s3://results/summary",
    "execution_date": "2024-06-30",
    "execution": "run_1",
    "source": "raw",
    "tables": [
        {
            "query_type": query_type,
            "table": f"theshop_web_{query_type}_run_1_0",
            "location": f"s3://results/summary/theshop_web_{query_type}/run_1/0/",
        }
        for query_type in load_catalog()
    ],
}


# Session and is_active come with `events`, as the metrics read it.
OF_USERS = {"service_name", "user_key", "event_name", "session_id", "is_active"}


def build(event: Any, settings: Settings = Settings()) -> str:  # noqa: B008 - frozen
    reply = build_verification(
        event, settings=settings, get_table=lambda _: CatalogTable("s3://x/y/", {})
    )
    assert reply.keys() == {"query_string"}
    return str(reply["query_string"])


def change_table(position: int, **changes: Any) -> dict[str, Any]:
    tables = [dict(table) for table in EVENT["tables"]]
    tables[position] |= changes
    return {"tables": tables}


def test_the_answer_is_one_query_with_the_columns_of_the_contract() -> None:
    query = parse_one(build(EVENT), read="athena")
    assert isinstance(query, exp.Select)
    names = ["check_name", "severity", "query_type", "found", "message"]
    assert query.named_selects == names


def test_the_raw_logs_are_read_by_four_checks_and_each_of_them_reads_few_columns() -> None:
    query = parse_one(build(EVENT), read="athena")
    ctes = {cte.alias: cte.this for cte in query.find(exp.With).expressions}  # type: ignore[union-attr]
    raw = [name for name, select in ctes.items() if "logall" in tables_of(select)]
    assert sorted(raw) == ["active_users", "known_services", "lake_days", "service_days"]
    others = [select for name, select in ctes.items() if name not in raw]
    references = [name for select in others for name in tables_of(select) if name in raw]
    assert sorted(references) == sorted(raw)
    of_the_day = {"year", "month", "day", "event_date"}
    columns = {name: {one.name for one in ctes[name].find_all(exp.Column)} for name in raw}
    assert columns == {
        "active_users": {*of_the_day, *OF_USERS},
        "known_services": {*of_the_day, "service_name"},
        "lake_days": of_the_day,
        "service_days": {*of_the_day, "service_name"},
    }


def test_no_check_reads_the_raw_logs_where_the_tables_are_built_from_activity() -> None:
    query = parse_one(build({**EVENT, "source": "activity"}), read="athena")
    read = {table for table in tables_of(query) if table.startswith(("activity", "logall"))}
    assert read == {"activity_users", "activity_visits", "activity_services"}


def tables_of(select: exp.Expr) -> list[str]:
    return [table.name for table in select.find_all(exp.Table)]


def test_it_fits_into_a_statement_of_athenas_and_a_longer_one_is_refused() -> None:
    assert len(build(EVENT).encode()) < MAX_QUERY_BYTES / 10
    days = tuple(f"{year}-{month:02}-01" for year in range(1971, 2971) for month in range(1, 13))
    many = Settings(checks=Checks(accepted_gaps=days))
    with pytest.raises(
        InvalidPayload, match=r"the query of the checks has \d+ bytes, Athena takes"
    ):
        build(EVENT, many)


def test_values_are_literals_and_cannot_leave_them() -> None:
    hostile = Settings(source=Source(service_name="coalesce(service_name, 'it''s')"))
    assert "COALESCE(\"service_name\", 'it''s')" in build(EVENT, hostile)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"service_name": "a b"}, "service_name 'a b' is not allowed"),
        ({"table_prefix": "The"}, "table_prefix 'The'"),
        ({"s3_base": "results"}, "s3_base 'results' is not an S3 address"),
        ({"execution_date": "30.6.2024"}, "execution_date '30.6.2024'"),
        ({"execution": "run-1"}, "execution 'run-1' is not allowed"),
        ({"execution": ""}, "execution '' is not allowed"),
        ({"more": 1}, "the event has unknown fields more; it may have service_name, "),
        ({"tables": {}}, "tables must be a list of objects with query_type, table, location"),
        ({"tables": EVENT["tables"][1:]}, "tables must have one entry for each of mau, dau, "),
        ({"tables": [*EVENT["tables"], EVENT["tables"][0]]}, "tables must have one entry for each"),
        ({"tables": ["mau"]}, r"tables\[0\] must be an object with query_type"),
        (change_table(1, query_type="wau"), "tables must have one entry for each of mau, dau"),
        (change_table(1, table=None), r"tables\[1\].table must be a text, not None"),
        (change_table(1, table='x" --'), r"tables\[1\].table 'x\" --' is no name: use a–z 0–9 _"),
        (change_table(1, row_count=3), r"tables\[1\] has unknown fields row_count; it may have"),
        (
            change_table(1, location="s3://results/summary/theshop_web_dau/"),
            "is not s3://results/summary/theshop_web_dau/<execution>/<attempt>/",
        ),
        (
            change_table(1, location="s3://results/summary/theshop_web_dau/run_2/0/"),
            "theshop_web_dau_run_1_0 at .*run_2/0/ is no staging table of run_1",
        ),
        (
            change_table(1, location="s3://results/summary/theshop_web_dau/run_1/1/"),
            "theshop_web_dau_run_1_0 at .*run_1/1/ is no staging table of run_1",
        ),
    ],
)
def test_a_wrong_event_is_refused_naming_the_field(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidPayload, match=message):
        build(EVENT | change)


@pytest.mark.parametrize("name", list(EVENT))
def test_every_field_is_needed(name: str) -> None:
    event = {key: value for key, value in EVENT.items() if key != name}
    with pytest.raises(InvalidPayload, match=f"the event lacks {name}"):
        build(event)


@pytest.mark.parametrize("event", [None, [], "x"])
def test_an_event_that_is_no_object_is_refused(event: Any) -> None:
    with pytest.raises(InvalidPayload, match="the event must be an object with service_name"):
        build(event)
