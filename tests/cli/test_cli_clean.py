"""`clean`: what failed executions left is listed, then deleted; what readers need stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_analytics.query.levels import load_levels
from tests.cli.seven import tables_of
from tests.oracle.seven_tables import TABLES

if TYPE_CHECKING:
    from tests.cli.shell import Shell


@pytest.fixture
def failed_otto(own_otto: Shell) -> Shell:
    """A home with published tables, and what an execution left whose checks failed."""
    # there are no logs of the days before this one
    assert own_otto.run("run", "otto", "--execution-date", "2022-09-10").exit_code == 1
    return own_otto


def test_a_home_in_which_nothing_is_left_says_so(own_otto: Shell) -> None:
    for arguments in ((), ("--yes",)):
        done = own_otto.done("clean", *arguments)
        assert (done.stdout, done.stderr) == ("", "nothing is left to delete\n")
    assert own_otto.done("clean", "--json").json == {
        "leftovers": [],
        "objects": 0,
        "bytes": 0,
        "deleted": False,
        "not_deleted": [],
    }


def test_what_is_left_is_listed_and_stays(failed_otto: Shell) -> None:
    done = failed_otto.done("clean")
    assert "s3://otel-analytics/summary/otto_mau/" in done.stdout
    assert done.stderr.startswith("7 objects, 0.0")
    assert done.stderr.endswith("delete them with otel-analytics clean --yes\n")
    listed = failed_otto.done("clean", "--json").json
    (execution,) = {one["execution"] for one in listed["leftovers"]}
    assert [one["tables"] for one in listed["leftovers"]] == [
        [f"log_db.otto_{query_type}_{execution}_0"] for query_type in sorted(TABLES)
    ]
    assert {one["kind"] for one in listed["leftovers"]} == {"staging"}
    assert listed["objects"] == 7
    assert listed["bytes"] == sum(one["bytes"] for one in listed["leftovers"]) > 0
    assert listed["deleted"] is False


def test_with_yes_it_is_deleted_and_the_published_tables_stay(failed_otto: Shell) -> None:
    before = failed_otto.done("tables", "--json").json
    rows = tables_of(failed_otto, "otto")
    done = failed_otto.done("clean", "--yes")
    assert done.stderr.startswith("7 objects, 0.0")
    assert done.stderr.endswith(" MB deleted\n")
    assert failed_otto.done("clean", "--yes", "--json").json["objects"] == 0
    assert failed_otto.done("tables", "--json").json == before
    assert tables_of(failed_otto, "otto") == rows
    names = [one["tab_name"] for one in failed_otto.query("SHOW TABLES")]
    # the logs, and seven tables with their histories
    assert len([name for name in names if name not in load_levels()]) == 1 + 2 * 7
    assert set(load_levels()) < set(names)


def test_data_that_cannot_be_deleted_are_named(failed_otto: Shell) -> None:
    (token,) = {one["execution"] for one in failed_otto.done("clean", "--json").json["leftovers"]}
    leaf = failed_otto.home / "s3" / "otel-analytics" / "summary" / "otto_dau" / token / "0"
    leaf.rename(failed_otto.folder / "elsewhere")
    leaf.parent.joinpath("0").symlink_to(failed_otto.folder / "elsewhere")
    ended = failed_otto.run("clean", "--yes")
    assert ended.exit_code == 1
    assert f"otto_dau/{token}/0/ is not written or deleted" in ended.stderr
    assert len(list((failed_otto.folder / "elsewhere").iterdir())) == 1
