"""The query builder as a Lambda's file: what `--lambda athena-query-builder=…` is given."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from otel_analytics.config import Settings
from otel_analytics.local.s3 import ObjectStore
from otel_analytics.query.handler import build_query


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    assert context.function_name == "athena-query-builder"
    home = Path(os.environ["OTEL_ANALYTICS_HOME"])
    store = ObjectStore(home / "s3", home / "tmp")
    return build_query(
        {**event, "execution_date": os.environ["EXECUTION_DATE"]},
        settings=Settings(),
        delete_prefix=store.delete_prefix,
        delete_directly_under=store.delete_directly_under,
        now=lambda: datetime.now(UTC),
    )
