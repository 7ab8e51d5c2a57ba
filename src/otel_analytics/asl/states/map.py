"""Map: runs one flow for each item of an array."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otel_analytics.asl.failures import evaluation_error, runtime_error
from otel_analytics.asl.fields import STATES_INPUT
from otel_analytics.asl.json_text import to_json
from otel_analytics.asl.number import WHOLE, NumberKind
from otel_analytics.asl.queries.jsonata import unexpected_type
from otel_analytics.asl.queries.jsonpath import find_or_fail
from otel_analytics.asl.queries.templates import is_expression
from otel_analytics.asl.states.state import Head, targets_of
from otel_analytics.asl.turn import Fork
from otel_analytics.errors import InvalidDocument

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_analytics.asl.fields import Fields
    from otel_analytics.asl.number import Number
    from otel_analytics.asl.queries.jsonpath import Path
    from otel_analytics.asl.queries.scope import Scope, Template
    from otel_analytics.asl.states.state import NestFlow
    from otel_analytics.asl.turn import Turn

__all__ = ["Map"]

# https://docs.aws.amazon.com/step-functions/latest/dg/state-map-inline.html
MAX_CONCURRENT_ITERATIONS = 40

MAX_LABEL_CHARACTERS = 40
_LABEL = re.compile(
    rf'[^\s?*<>{{}}\[\]:;,\\|^~$#%&`"\x00-\x1f\x7f-\x9f]{{1,{MAX_LABEL_CHARACTERS}}}'
)
_PERCENTAGE = NumberKind(most=100, whole=False)
_DISTRIBUTED = (
    "ItemReader",
    "ItemBatcher",
    "ResultWriter",
)


@dataclass(frozen=True, slots=True)
class Map:
    """A Map state in inline mode; `processor` is a flow of the machine."""

    head: Head
    processor: int
    items: Template | None
    items_path: Path | None
    selector: Template | None
    max_concurrency: Number | None
    tolerated_count: Number | None
    tolerated_percentage: Number | None

    @property
    def iterates(self) -> bool:
        """Iterations have events of their own."""
        return True

    @classmethod
    def parse(cls, fields: Fields, head: Head, nest: NestFlow) -> Map:
        """Return the state.

        Raises: InvalidDocument, also for a distributed Map
        """
        for name in _DISTRIBUTED:
            if name in fields:
                raise fields.invalid(
                    name, "belongs to a distributed Map, which does not run here: use an inline Map"
                )
        # The older names, which JSONata never had.
        legacy = [] if fields.jsonata else ["Iterator", "Parameters"]
        processor = fields.at_most_one("ItemProcessor", *legacy[:1]) or "ItemProcessor"
        selector = fields.at_most_one("ItemSelector", *legacy[1:])
        where = fields.path_of(processor)
        _check_label(fields)
        return cls(
            head,
            nest(_inline(fields.required(processor, dict), where), where),
            _items(fields) if fields.jsonata else None,
            None if fields.jsonata else fields.path("ItemsPath"),
            None if selector is None else fields.template(selector),
            _number(fields, "MaxConcurrency"),
            _number(fields, "ToleratedFailureCount"),
            _number(fields, "ToleratedFailurePercentage", _PERCENTAGE),
        )

    def start(self, turn: Turn) -> Fork:
        """Run the processor for each item.

        Raises: StateError if what should be the items is no array
        """
        value = self.head.flow.input(turn)
        limit = 0 if self.max_concurrency is None else self.max_concurrency.whole(turn.scope(value))
        items = self._find_items(turn, value)
        return Fork(
            items,
            min(limit or MAX_CONCURRENT_ITERATIONS, MAX_CONCURRENT_ITERATIONS),
            self._tolerated(turn.scope(value), len(items)),
        )

    def targets(self) -> Iterator[tuple[str, str]]:
        """Yield where the state leads."""
        return targets_of(self.head)

    def child_flow(self, _index: int) -> int:
        """Return the processor's flow."""
        return self.processor

    def child_input(self, turn: Turn, index: int, item: Any) -> Any:
        """Return the item, or what ItemSelector makes of it."""
        if self.selector is None:
            return item
        turn = turn.with_item(index, item)
        return self.selector.evaluate(turn.scope(self.head.flow.input(turn)))

    def _tolerated(self, scope: Scope, length: int) -> int | None:
        """Return how many iterations may fail: the smaller, where both limits are given."""
        limits = []
        if self.tolerated_count is not None:
            limits.append(self.tolerated_count.whole(scope))
        if self.tolerated_percentage is not None:
            limits.append(int(length * self.tolerated_percentage.evaluate(scope) / 100))
        return min(limits, default=None)

    def _find_items(self, turn: Turn, value: Any) -> list[Any]:
        if self.items is not None:
            found = self.items.evaluate(turn.scope(value))
            if isinstance(found, list):
                return found
            raise unexpected_type(self.items, field="Items", expected="array", value=found)
        found = (
            value if self.items_path is None else find_or_fail(self.items_path, turn.scope(value))
        )
        if isinstance(found, list):
            return found
        if self.items_path is not None:
            raise runtime_error(f'Reference path "{self.items_path.text}" must point to array.')
        text = f"Map state input must be an array but was: {to_json(found)}"
        raise (
            evaluation_error(text, location="Items")
            if self.head.language == "JSONata"
            else runtime_error(text)
        )


def _inline(processor: dict[str, Any], where: str) -> dict[str, Any]:
    config = processor.get("ProcessorConfig", {})
    if not isinstance(config, dict):
        raise InvalidDocument("must be an object", where=f"{where}.ProcessorConfig")
    if config.get("Mode", "INLINE") != "INLINE":
        raise InvalidDocument(
            "a distributed Map does not run here: use an inline Map",
            where=f"{where}.ProcessorConfig.Mode",
        )
    return {name: value for name, value in processor.items() if name != "ProcessorConfig"}


def _check_label(fields: Fields) -> None:
    label = fields.optional("Label", str)
    if label is not None and not _LABEL.fullmatch(label):
        raise fields.invalid(
            "Label",
            f"must have 1 to {MAX_LABEL_CHARACTERS} characters, without spaces, control "
            'characters and any of ? * < > { } [ ] : ; , \\ | ^ ~ $ # % & ` "',
        )


def _number(fields: Fields, name: str, kind: NumberKind = WHOLE) -> Number | None:
    number = fields.number(name, kind)
    if number is not None and number.path is not None and number.path.root == "$":
        raise fields.invalid(f"{name}Path", "must begin with $ or a variable: it cannot read $$")
    return number


def _items(fields: Fields) -> Template | None:
    value = fields.optional("Items")
    if "Items" in fields and not isinstance(value, list) and not is_expression(value):
        raise fields.invalid("Items", "must be an array or a JSONata expression")
    return fields.jsonata_template("Items", states=STATES_INPUT)
