"""The Lambda `otel-log-processor`: events of created objects in, their records in `logall` out."""

from __future__ import annotations

import json
import logging
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from otel_analytics.aws.lambdas import packaged
from otel_analytics.aws.object_events import created_objects
from otel_analytics.aws.object_lake import ObjectLake
from otel_analytics.names import S3Address

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_analytics.aws.object_events import CreatedObject

__all__ = ["handler"]

_QUEUE = "aws:sqs"
_log = logging.getLogger(__name__)


def handler(event: Mapping[str, Any], _context: Any) -> Any:
    """Return what became of each object of an event from S3 or EventBridge.

    Of messages of a queue that hold such events, return which have to come again.

    Shape:  object, outcome, written, quarantined, error; of a queue batchItemFailures
    """
    records = event.get("Records", ())
    if all(record.get("eventSource") != _QUEUE for record in records):
        return [_take(one) for one in created_objects(event)]
    failures = []
    for record in records:
        try:
            for one in created_objects(json.loads(record["body"])):
                _take(one)
        except Exception:  # noqa: BLE001 - the edge of a Lambda: the other messages go on
            _log.exception("failed: %s", record["body"])
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}


def _take(created: CreatedObject) -> dict[str, Any]:
    taken = _lake().take(created)
    entry = {
        "object": taken.address,
        "outcome": taken.outcome,
        "written": taken.written,
        "quarantined": taken.quarantined,
        "error": taken.error,
    }
    # The stack's metric filter counts the warnings.
    level = logging.WARNING if taken.error or taken.quarantined else logging.INFO
    _log.log(level, "%s: %s", taken.outcome, json.dumps(entry, ensure_ascii=False))
    return entry


@cache
def _lake() -> ObjectLake:
    settings = packaged.settings()
    _log.setLevel(logging.INFO)
    return ObjectLake(
        s3=packaged.client("s3"),
        address=S3Address.parse(settings.lake),
        keys=settings.keys,
        scratch=Path(tempfile.gettempdir()),
    )
