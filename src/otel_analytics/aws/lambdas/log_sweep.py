"""The Lambda `otel-log-sweep`: exported objects whose event was missed into the queue."""

from __future__ import annotations

import json
import logging
import os
from datetime import UTC, datetime
from typing import Any, Final

from otel_analytics.aws.lambdas import packaged
from otel_analytics.aws.sweep import Sweep
from otel_analytics.names import S3Address

__all__ = ["handler"]

_LEFT_MS: Final = 20_000
_log = logging.getLogger(__name__)


def handler(_event: Any, context: Any) -> dict[str, int | bool]:
    """Return what `Sweep.run` returns; it is also logged, since nobody waits for it.

    Raises: what `Sweep.run` raises
    """
    swept = Sweep(
        s3=packaged.client("s3"),
        sqs=packaged.client("sqs"),
        logs=S3Address(os.environ["LOGS_BUCKET"], os.environ["LOGS_PREFIX"]),
        lake=S3Address.parse(packaged.settings().lake),
        queue_url=os.environ["OBJECT_QUEUE_URL"],
        now=lambda: datetime.now(UTC),
        has_time=lambda: context.get_remaining_time_in_millis() > _LEFT_MS,
    ).run()
    _log.setLevel(logging.INFO)
    _log.info("swept: %s", json.dumps(swept))
    return swept
