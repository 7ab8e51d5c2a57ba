"""Cleaning: what executions and publications left goes, and never anything else."""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from subprocess import run
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_analytics.asl import Identity
from otel_analytics.config import Publish, Settings
from otel_analytics.local.catalog import Catalog
from otel_analytics.local.executions import Executions
from otel_analytics.local.home import open_home
from otel_analytics.local.publications import Publications
from otel_analytics.local.runner import Runner, this_process
from otel_analytics.local.s3 import ObjectStore
from otel_analytics.names import S3Address, execution_token
from otel_analytics.operations.cleaning import Cleaner, delete_versions
from otel_analytics.pipeline.cleaning import CatalogReferences, Size, plan_cleaning
from otel_analytics.pipeline.leaves import find_leaf
from otel_analytics.query.statements import TableName
from tests.local.publishing import BASE, QUERY_TYPES, Shop

if TYPE_CHECKING:
    from otel_analytics.pipeline.cleaning import Leftover
    from tests.local.conftest import Account


@pytest.fixture
def shop(account: Account) -> Shop:
    return Shop(account.athena)


def _start(executions: Executions, name: str, *, runner: Runner | None = None) -> str:
    """Write down an execution that is running; return its token."""
    identity = Identity.of("pipeline", name, region="local", account="000000000000")
    executions.create(identity, value={}, definition={}, start=0.0, runner=runner or this_process())
    arn = executions.describe_execution(name)["executionArn"]
    return execution_token(name, arn)


def _end(account: Account, name: str, status: str) -> None:
    with account.home.transaction() as connection:
        connection.execute("UPDATE executions SET status = ? WHERE name = ?", (status, name))


def _dead_process() -> Runner:
    me = this_process()
    child = run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True
    )
    return Runner(me.host, int(child.stdout), "1")


def _cleaner(account: Account, shop: Shop) -> Cleaner:
    return Cleaner(
        shop.settings,
        account.catalog,
        account.store,
        account.executions,
        shop.publisher.publications,
    )


def _all(leftovers: tuple[Leftover, ...]) -> list[tuple[str, str, int]]:
    return [(one.kind, one.location.removeprefix(BASE), one.size.objects) for one in leftovers]


@pytest.mark.parametrize("status", ["FAILED", "SUCCEEDED", "TIMED_OUT", "ABORTED"])
def test_what_an_execution_that_ended_did_not_publish_goes(
    shop: Shop, account: Account, status: str
) -> None:
    token = _start(account.executions, "run-1")
    shop.stage(token, "2025-01-02")
    _end(account, "run-1", status)
    cleaner = _cleaner(account, shop)
    assert _all(cleaner.find()) == [
        ("staging", f"/theshop_web_{query_type}/{token}/0/", 1)
        for query_type in sorted(QUERY_TYPES)
    ]
    leftovers, cleaned = cleaner.delete()
    assert cleaned.deletion.objects == 7
    assert cleaned.deletion.size_bytes == sum(one.size.size_bytes for one in leftovers) > 0
    assert account.catalog.tables("log_db") == []
    assert account.objects("s3://otel-analytics/") == []
    assert not account.path(f"{BASE}/").exists()
    assert cleaner.find() == ()


def test_nothing_of_an_execution_that_is_running_goes(shop: Shop, account: Account) -> None:
    shop.stage(_start(account.executions, "run-1"), "2025-01-02")
    assert _cleaner(account, shop).delete()[0] == ()
    assert len(account.catalog.tables("log_db")) == 7


def test_what_an_execution_whose_process_was_killed_built_goes(
    shop: Shop, account: Account
) -> None:
    shop.stage(_start(account.executions, "run-1", runner=_dead_process()), "2025-01-02")
    assert len(_cleaner(account, shop).delete()[0]) == 7
    assert account.catalog.tables("log_db") == []


def test_an_execution_of_another_machine_counts_as_running(shop: Shop, account: Account) -> None:
    elsewhere = Runner("another-host", 1, "1")
    shop.stage(_start(account.executions, "run-1", runner=elsewhere), "2025-01-02")
    assert _cleaner(account, shop).find() == ()


def test_what_no_known_execution_built_stays(shop: Shop, account: Account) -> None:
    shop.stage("somebody_elses", "2025-01-02")
    assert _cleaner(account, shop).delete()[0] == ()
    assert shop.leaves() == ["somebody_elses"]


def test_data_without_a_table_and_a_table_without_data_go(shop: Shop, account: Account) -> None:
    token = _start(account.executions, "run-1")
    shop.stage(token, "2025-01-02")
    _end(account, "run-1", "FAILED")
    shop.execute(f"DROP TABLE theshop_web_mau_{token}_0")
    account.store.delete_prefix(S3Address.parse(f"{BASE}/theshop_web_dau/{token}/0/"))
    found = {one.location: one for one in _cleaner(account, shop).find()}
    without_table = found[f"{BASE}/theshop_web_mau/{token}/0/"]
    assert (without_table.tables, without_table.size.objects) == ((), 1)
    without_data = found[f"{BASE}/theshop_web_dau/{token}/0/"]
    assert without_data.tables == (TableName(f"theshop_web_dau_{token}_0", "log_db"),)
    assert without_data.size == Size()
    _cleaner(account, shop).delete()
    assert account.catalog.tables("log_db") == []


def test_published_tables_histories_and_kept_versions_stay(shop: Shop, account: Account) -> None:
    tokens = []
    for number, day in enumerate(("2025-01-02", "2025-01-03", "2025-01-03")):
        tokens.append(_start(account.executions, f"run-{number}"))
        shop.stage_and_publish(tokens[-1], day)
        _end(account, f"run-{number}", "SUCCEEDED")
    assert _cleaner(account, shop).delete()[0] == ()
    assert shop.leaves() == tokens
    assert shop.published_by() == {tokens[2]}
    assert [who for _, who in shop.history()] == [tokens[0], tokens[2]]


def test_superseded_versions_beyond_what_is_kept_go(shop: Shop, account: Account) -> None:
    tokens = []
    for number in range(3):
        tokens.append(_start(account.executions, f"run-{number}"))
        shop.stage_and_publish(tokens[-1], "2025-01-02")
        _end(account, f"run-{number}", "SUCCEEDED")
    assert shop.leaves() == tokens[1:]
    fewer = replace(shop, settings=Settings(publish=Publish(keep_versions=0)))
    leftovers, _ = _cleaner(account, fewer).delete()
    assert _all(leftovers)[0] == ("superseded", f"/theshop_web_conversion/{tokens[1]}/0/", 1)
    assert len(leftovers) == 7
    assert shop.leaves() == [tokens[2]]
    assert shop.published_by() == {tokens[2]}
    assert _cleaner(account, fewer).find() == ()


def test_the_versions_that_another_database_keeps_stay(shop: Shop, account: Account) -> None:
    tokens = []
    for number in range(2):
        tokens.append(_start(account.executions, f"run-{number}"))
        shop.stage_and_publish(tokens[-1], "2025-01-02")
        _end(account, f"run-{number}", "SUCCEEDED")
    none = Publish(keep_versions=0)
    here = replace(shop.settings.athena, database="another_db")  # under the same s3_base
    other = replace(shop, settings=Settings(publish=none, athena=here))
    assert _cleaner(account, other).delete()[0] == ()
    assert shop.leaves() == tokens
    # the database's own settings let it go
    assert len(_cleaner(account, replace(shop, settings=Settings(publish=none))).delete()[0]) == 7
    assert shop.leaves() == tokens[1:]


def test_objects_directly_at_a_root_go_once_their_table_was_taken_over(
    shop: Shop, account: Account
) -> None:
    shop.execute(
        "CREATE TABLE theshop_web_mau_summary WITH (external_location = "
        f"'{BASE}/theshop_web_mau/') AS SELECT 'before' AS built_by"
    )
    none = replace(shop, settings=Settings(publish=Publish(keep_versions=0)))
    assert _cleaner(account, none).find() == ()
    token = _start(account.executions, "run-1")
    shop.stage_and_publish(token, "2025-01-02")
    assert _cleaner(account, shop).find() == ()
    leftovers, _ = _cleaner(account, none).delete()
    assert _all(leftovers) == [("superseded", "/theshop_web_mau/", 1)]
    assert shop.leaves() == [token]


def test_data_under_an_earlier_base_go_with_their_staging_tables(
    shop: Shop, account: Account
) -> None:
    token = _start(account.executions, "run-1")
    shop.stage(token, "2025-01-02")
    _end(account, "run-1", "FAILED")
    moved = replace(shop.settings.athena, s3_base="s3://otel-analytics/elsewhere")
    now = replace(shop, settings=replace(shop.settings, athena=moved))
    leftovers, cleaned = _cleaner(account, now).delete()
    assert [one.size.objects for one in leftovers] == [1] * 7
    assert cleaned.deletion.objects == 7


def test_a_leaf_that_another_table_reads_stays(shop: Shop, account: Account) -> None:
    token = _start(account.executions, "run-1")
    shop.stage(token, "2025-01-02")
    _end(account, "run-1", "FAILED")
    for name, below in (("mine", "mau"), ("mine_too", "dau")):
        at = f"{BASE}/theshop_web_{below}/{token}/0/" + ("inner/" if below == "dau" else "")
        shop.execute(
            f"CREATE EXTERNAL TABLE other.{name} (built_by string) STORED AS PARQUET "
            f"LOCATION '{at}'"
        )
    leftovers, _ = _cleaner(account, shop).delete()
    assert len(leftovers) == 5
    assert shop.leaves("mau") == shop.leaves("dau") == [token]


def test_nothing_is_deleted_through_a_link(shop: Shop, account: Account) -> None:
    token = _start(account.executions, "run-1")
    shop.stage(token, "2025-01-02")
    _end(account, "run-1", "FAILED")
    elsewhere = account.home.path / "elsewhere"
    folder = account.path(f"{BASE}/theshop_web_mau/{token}")
    folder.rename(elsewhere)
    folder.symlink_to(elsewhere)
    _, cleaned = _cleaner(account, shop).delete()
    assert cleaned.deletion.objects == 6
    (problem,) = cleaned.problems
    assert f"theshop_web_mau/{token}/0/ is not written or deleted" in problem
    assert len(list((elsewhere / "0").iterdir())) == 1


def test_an_execution_redriven_before_the_deletion_keeps_its_tables(
    shop: Shop, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = _start(account.executions, "run-1")
    shop.stage(token, "2025-01-02")
    _end(account, "run-1", "FAILED")
    cleaner = _cleaner(account, shop)
    sizes = Cleaner._sizes

    def redrive_after(self: Cleaner) -> dict[str, Size]:
        found = sizes(self)
        _end(account, "run-1", "RUNNING")
        return found

    monkeypatch.setattr(Cleaner, "_sizes", redrive_after)
    assert cleaner.delete()[0] == ()
    assert shop.leaves() == [token]


@pytest.mark.parametrize(
    "address",
    [
        "s3://otel-analytics/",
        f"{BASE}/",
        f"{BASE}/theshop_brand_dau2/",
        f"{BASE}/_mau/",
        f"{BASE}/theshop_mau/run_1/",
        f"{BASE}/theshop_mau/../",
        f"{BASE}/theshop_mau/run_1/0",
    ],
)
def test_at_an_address_that_is_no_leaf_nothing_is_deleted_and_the_others_go(
    shop: Shop, account: Account, address: str
) -> None:
    shop.stage("run_1", "2025-01-02")
    before = account.objects("s3://otel-analytics/")
    leaf = f"{BASE}/theshop_web_mau/run_1/0/"
    cleaned = delete_versions([address, leaf], account.store)
    assert cleaned.gone == (leaf,)
    assert cleaned.problems == (f"{address}: it is neither a leaf nor a table's root, and stays",)
    after = account.objects("s3://otel-analytics/")
    assert [one for one in before if one not in after] == [
        one for one in before if one.startswith(leaf)
    ]


_TOKENS = ("dead", "alive", "unknown")
_FOLDERS = st.sampled_from(
    [
        "shop_mau", "shop_dau", "shop_dau2", "shop_brand_dau", "shop", "mau", "_mau", "shop_mau_",
        "dead", "0", "..", ".", "", "shop_mau=1", "day=2025-01-01", "shop_mau_summary", "history",
    ]
)  # fmt: skip
_PARTS = st.one_of(_FOLDERS, st.sampled_from(_TOKENS), st.sampled_from(["0", "1", "00", "x", "-1"]))
_ADDRESSES = st.one_of(
    st.lists(_PARTS, max_size=6).map(lambda parts: "/".join(["s3://b/summary", *parts, ""])),
    st.builds(
        lambda folder, token, attempt: f"s3://b/summary/{folder}/{token}/{attempt}/",
        _FOLDERS, st.sampled_from(_TOKENS), st.sampled_from(["0", "1", "00"]),
    ),
)  # fmt: skip


@given(
    there=st.sets(_ADDRESSES),
    tables=st.lists(st.tuples(st.sampled_from(["t", "shop_mau_dead_0"]), _ADDRESSES)),
    due=st.sets(_ADDRESSES),
    kept=st.sets(_ADDRESSES),
)
def test_a_plan_holds_only_what_is_dead_and_unreferenced(
    there: set[str], tables: list[tuple[str, str]], due: set[str], kept: set[str]
) -> None:
    references = CatalogReferences.of((TableName(name, "db"), at) for name, at in tables)
    plan = plan_cleaning(
        {address: Size(1, 1) for address in there},
        references,
        due=due,
        kept=kept,
        running={"dead": False, "alive": True},
    )
    for leftover in plan:
        leaf = find_leaf(leftover.location)
        assert leftover.location not in kept
        assert leaf is None or leaf.execution == "dead"
        assert leaf is not None or leftover.location in due
        if leaf is not None:
            for name, at in tables:
                assert not at.startswith(leaf.location) or name == leaf.staging_table


_FILES = st.lists(
    st.tuples(
        _FOLDERS.filter(lambda name: name.strip(".")),
        st.sampled_from([*_TOKENS, "x"]),
        st.sampled_from(["0", "1", "00", "x"]),
        st.sampled_from(["file", "inner/file"]),
    ),
    max_size=12,
)


@settings(max_examples=25, deadline=None)
@given(_FILES)
def test_of_any_tree_of_files_only_those_in_dead_leaves_go(
    files: list[tuple[str, str, str, str]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = open_home(Path(folder))
        executions, store = Executions(home), ObjectStore(home.s3, home.tmp)
        dead, alive = (_start(executions, name) for name in ("dead", "alive"))
        with home.transaction() as connection:
            connection.execute("UPDATE executions SET status = 'FAILED' WHERE name = 'dead'")
        tokens = {"dead": dead, "alive": alive}
        root = home.s3 / "otel-analytics" / "summary"
        paths = {
            root / place / tokens.get(token, token) / attempt / name
            for place, token, attempt, name in files
        }
        for path in paths:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("data")
        outside = home.s3 / "otel-analytics" / "lake" / "shop_mau" / dead / "0" / "file"
        outside.parent.mkdir(parents=True)
        outside.write_text("data")
        publications = Publications(home, "log_db")
        Cleaner(Settings(), Catalog(home), store, executions, publications).delete()
        expected = {
            path
            for path in paths
            if not (
                path.relative_to(root).parts[0] in ("shop_mau", "shop_dau", "shop_brand_dau")
                and path.relative_to(root).parts[1] == dead
                and path.relative_to(root).parts[2] in ("0", "1")
            )
        }
        left = {Path(at) / name for at, _, names in os.walk(home.s3) for name in names}
        home.close()
    assert left == expected | {outside}
