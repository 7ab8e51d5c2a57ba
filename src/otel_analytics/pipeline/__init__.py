"""The state machine document, built from the metric catalog.

Must not know who executes it: Step Functions and the runtime on a laptop get the same document.
"""

from otel_analytics.pipeline.check_input import INPUT_FIELDS
from otel_analytics.pipeline.definition import STATE_MACHINE_NAME, build_definition

__all__ = ["INPUT_FIELDS", "STATE_MACHINE_NAME", "build_definition"]
