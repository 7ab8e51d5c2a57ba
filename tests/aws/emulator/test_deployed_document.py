"""The document that is deployed builds the tables of the one on a laptop.

The emulator runs no CTAS: what it gives back of the state machine is executed by our own runtime.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from demo.otlp import ShopEvent, export_requests, write_json_lines
from otel_analytics.config import load_settings
from otel_analytics.local.embedded import open_embedded_aws
from otel_analytics.pipeline import build_definition
from tests.aws.emulator.conftest import ACCOUNT, REGION, SETTINGS
from tests.cli.seven import tables_of
from tests.cli.shell import Shell

if TYPE_CHECKING:
    from pathlib import Path

    from tests.aws.emulator.conftest import Emulator

MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:otel-analytics-pipeline"
HOUR_NS = 3600 * 10**9
# 2025-10-20 12:00 UTC
NOON = 1_760_961_600 * 10**9
NAMES = ("open", "commerce.product.view", "commerce.cart.add")
EVENTS = [
    ShopEvent("theshop-brand", NOON + 7 * n * HOUR_NS, NAMES[n % 3], f"u{n % 4}", f"s{n // 2}")
    for n in range(40)
]


@pytest.fixture
def deployed(stack: Emulator) -> dict[str, Any]:
    found = stack.aws(
        *("stepfunctions", "describe-state-machine", "--state-machine-arn", MACHINE),
    )
    document = json.loads(found["definition"])
    assert isinstance(document, dict)
    return document


def built_by(folder: Path, document: dict[str, Any] | None) -> dict[str, list[dict[str, Any]]]:
    """Return the tables that a document builds in a home of its own; None: the laptop's."""
    folder.mkdir()
    (folder / "otel-analytics.toml").write_text(SETTINGS)
    shell = Shell(folder)
    write_json_lines(folder / "events", export_requests(EVENTS))
    shell.done("ingest", folder / "events")
    settings = load_settings(
        file=folder / "otel-analytics.toml",
        environment={},
        flags={"home": str(folder / ".otel-analytics")},
    )
    with open_embedded_aws(settings) as aws:
        execution = aws.step_functions(now=lambda: datetime.now(UTC)).start_execution(
            document or build_definition(settings),
            {"service_names": ["theshop-brand"], "execution_date": "2025-11-02"},
            name="run",
        )
    assert execution["status"] == "SUCCEEDED", execution
    return tables_of(shell, "theshop_brand")


def test_the_deployed_document_builds_the_same_tables(
    deployed: dict[str, Any], tmp_path: Path
) -> None:
    ours = built_by(tmp_path / "ours", None)
    assert sum(map(len, ours.values())) > 20
    assert built_by(tmp_path / "deployed", deployed) == ours


def test_nothing_is_left_to_substitute(deployed: dict[str, Any]) -> None:
    text = json.dumps(deployed)
    assert "${" not in text
    assert f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:athena-query-builder" in text
