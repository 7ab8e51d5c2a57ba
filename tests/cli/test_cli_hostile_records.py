"""Log records whose content is meant to break something: it is data, all the way."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from demo.otlp import ShopEvent
from tests.cli.seven import assert_tables_are_the_oracles, tables_of
from tests.oracle.otto import as_oracle_events
from tests.oracle.seven_tables import Definition

if TYPE_CHECKING:
    from tests.cli.conftest import Ingest
    from tests.cli.shell import Shell

NOON = 1_760_961_600 * 10**9  # 2025-10-20
E = date(2025, 10, 21)
HOSTILE = [
    "it's",
    'say "hi"',
    "'; DROP TABLE logall; --",
    "line\nbreak\ttab\r",
    "\x1b[2J\x1b]0;owned\x07",
    "NULL",
    "장바구니 담기 🛒",
    "e\u0301",  # not the same text as "é"
    "é",
    "\u202egnp.exe",
    "{% $states.input %}",
    "$.service_name",
    "%s {} {{0}} ${HOME} `id`",
    "[bold red]rich[/]",
    " ",
    "x" * 10_240,
    "(other)",
]


@pytest.fixture
def events(ingest: Ingest) -> list[ShopEvent]:
    """Each text as an event's name, its user and its session, and as an attribute."""
    events = [
        ShopEvent("shop", NOON + n, text, text, text, {text: text})
        for n, text in enumerate(HOSTILE)
    ]
    ingest(*events)
    return events


def test_hostile_names_reach_the_tables_unchanged(shell: Shell, events: list[ShopEvent]) -> None:
    shell.done("run", "shop", "--execution-date", E.isoformat())
    sql = "SELECT event_type FROM shop_event_distribution_summary"
    assert {row["event_type"] for row in shell.query(sql)} == set(HOSTILE)
    assert_tables_are_the_oracles(
        tables_of(shell, "shop"), as_oracle_events(events), "shop", Definition(E)
    )


@pytest.mark.usefixtures("events")
def test_a_hostile_name_in_the_settings_means_that_event_alone(shell: Shell) -> None:
    for name in HOSTILE:
        (shell.folder / "otel-analytics.toml").write_text(
            f"[events]\ncart_add = [{_toml(name)}]\n", "utf-8"
        )
        sql = shell.done(
            "sql", "conversion", "--service", "shop", "--execution-date", E.isoformat()
        )
        (row,) = shell.query(sql.stdout)
        assert (row["total_sessions"], row["cart_add_sessions"]) == (len(HOSTILE), 1), name


@pytest.mark.usefixtures("events")
def test_no_control_character_reaches_the_terminal(shell: Shell) -> None:
    arguments = (
        ["query", "SELECT event_name, attributes FROM logall"],
        ["inspect"],
        ["query", "SELECT '\x1b[2J' AS \"\x1b[2J\""],
        ["query", 'SELECT * FROM "\x1b[2J"'],
        ["sql", "\x1b[2J", "--service", "shop"],
    )
    for command in arguments:
        ended = shell.run(*command)
        for text in (ended.stdout, ended.stderr):
            assert not [c for c in text if not c.isprintable() and c != "\n"], command


def test_services_that_may_not_be_named_are_ingested_and_shown(
    shell: Shell, ingest: Ingest
) -> None:
    names = ["a'; DROP TABLE logall; --", "", "서비스", "ok"]
    ingest(*(ShopEvent(name, NOON, "open", "u", "s") for name in names))
    rows = shell.query("SELECT service_name FROM logall")
    # A service without a name is none; the SDK names it unknown_service.
    assert {row["service_name"] for row in rows} >= {names[0], names[2], "ok"}
    shell.done("run", "ok", "--execution-date", "2025-10-21")
    assert shell.query("SELECT COUNT(*) AS n FROM ok_dau_summary") == [{"n": 1}]


def _toml(text: str) -> str:
    escaped = "".join(c if c.isalnum() else f"\\U{ord(c):08x}" for c in text)
    return f'"{escaped}"'
