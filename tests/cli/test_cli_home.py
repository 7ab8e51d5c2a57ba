"""A home that is damaged, or whose settings have changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import E

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.shell import Shell

_PAGE = 4096


@pytest.mark.parametrize(
    "arguments",
    [
        ("query", "SELECT COUNT(*) FROM logall"),
        ("tables",),
        ("executions",),
        ("run", "otto", "--execution-date", E),
    ],
)
@pytest.mark.parametrize("junk", [b"\xff", b"\0"])
def test_a_damaged_catalog_is_named_with_the_way_out(
    own_otto: Shell, arguments: tuple[str, ...], junk: bytes
) -> None:
    catalog = own_otto.home / "catalog.sqlite"
    size = catalog.stat().st_size
    with catalog.open("r+b") as file:
        file.seek(2 * _PAGE)
        file.write(junk * (size - 2 * _PAGE))
    message = own_otto.failed(*arguments)
    assert message.startswith(f"{catalog}: the catalog is damaged (")
    assert "move this file away" in message


def test_a_new_catalog_over_the_data_of_a_damaged_one_sees_them(
    own_otto: Shell, otto_exports: Path
) -> None:
    """What the message of a damaged catalog says to do."""
    for file in own_otto.home.glob("catalog.sqlite*"):
        file.unlink()
    assert own_otto.done("ingest", otto_exports, "--json").json["written"] == 0
    assert own_otto.query("SELECT COUNT(*) AS n FROM logall") == [{"n": 1006}]
    own_otto.done("run", "otto", "--execution-date", E)


def test_an_ingest_to_where_logall_does_not_look_is_refused_before_it_begins(
    own_otto: Shell, otto_exports: Path
) -> None:
    changed = ("--set", "lake=s3://otel-analytics/new")
    message = own_otto.refused("ingest", otto_exports, *changed)
    assert message.startswith(
        "the table log_db.logall lies at s3://otel-analytics/lake/logall/, and by the setting lake "
        "its records would go to s3://otel-analytics/new/logall/"
    )
    assert not own_otto.lake.with_name("new").exists()
    # what it says to do
    own_otto.done("query", "DROP TABLE logall")
    own_otto.done("ingest", otto_exports, *changed)
    assert own_otto.query("SELECT COUNT(*) AS n FROM logall", *changed) == [{"n": 1006}]
