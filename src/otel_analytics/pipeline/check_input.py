"""The rules of `CheckInput`: what is wrong with a payload, in JSONata.

They say the same as `names.parse_service_names` and `names.parse_date`, so that a payload is
refused alike by the state machine and by everything behind it; a test holds the two together.
"""

from __future__ import annotations

from typing import Any, Final

from otel_analytics.config import SOURCES

__all__ = ["INPUT_FIELDS", "build_input_rules"]

# `$` would match before a closing line break in Java and Python; nothing may follow here.
_END: Final = r"(?![\s\S])"
_SERVICE_NAME: Final = rf"/^[A-Za-z0-9][A-Za-z0-9._-]{{0,63}}{_END}/"

_COMMON_YEAR: Final = (
    r"[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
    r"|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    r"|02-(?:0[1-9]|1[0-9]|2[0-8]))"
)
_LEAP_DAY: Final = (
    r"(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29"
)
_DATE: Final = rf"/^(?!0000)(?:{_COMMON_YEAR}|{_LEAP_DAY}){_END}/"
_1971_TO_9998: Final = "/^(?:197[1-9]|19[89]|[2-8]|9[0-8]|99[0-8]|999[0-8])/"

_NAMES: Final = "$states.input.service_names"
_E: Final = "$states.input.execution_date"
_REPLACE: Final = "$states.input.replace_newer"
_SOURCE: Final = "$states.input.source"
_PART_OF: Final = "$states.input.part_of"
# `part_of` is what an execution of many services gives its parts.
INPUT_FIELDS: Final = ("service_names", "execution_date", "replace_newer", "source", "part_of")

# Each rule is (what must hold, what is said where it does not); the first that fails counts.
# JSONata's = and != are both false for a missing field: each is asked positively and negated.
_RULES: Final = (
    (
        "$type($states.input) = 'object'",
        '\'the input must be an object such as {"service_names": ["theshop-brand"]}\'',
    ),
    (
        f"$type({_NAMES}) = 'array' and $count({_NAMES}) > 0",
        "'service_names must be a list of one or more service names'",
    ),
    (
        f"$count($filter({_NAMES}, function($name) {{ "
        f"$not($type($name) = 'string' and $contains($name, {_SERVICE_NAME})) }})) = 0",
        "'service_names holds a name that is not allowed: use 1 to 64 of A-Z a-z 0-9 . _ - and "
        f"begin with a letter or a digit; found ' & $substring($string({_NAMES}), 0, 200)",
    ),
    (
        f"$count($distinct($map({_NAMES}, function($name) {{ "
        "$replace($lowercase($name), /[^a-z0-9]/, '_') }))) "
        f"= $count({_NAMES})",
        "'service_names holds a name twice, or two names that give the same table prefix; found ' "
        f"& $substring($string({_NAMES}), 0, 200)",
    ),
    (
        f"$not($exists({_E})) or ($type({_E}) = 'string' and $contains({_E}, {_DATE}))",
        f"'execution_date must be a date, YYYY-MM-DD; found ' & $substring($string({_E}), 0, 80)",
    ),
    (
        f"$not($exists({_E})) or $contains({_E}, {_1971_TO_9998})",
        f"'execution_date must be from 1971-01-01 to 9998-12-31; found ' & {_E}",
    ),
    (
        f"$not($exists({_REPLACE})) or $type({_REPLACE}) = 'boolean'",
        f"'replace_newer must be true or false; found ' & $substring($string({_REPLACE}), 0, 80)",
    ),
    (
        f"$not($exists({_SOURCE})) or ($type({_SOURCE}) = 'string' and "
        f"{_SOURCE} in {list(SOURCES)})",
        f"'source must be {' or '.join(SOURCES)}; found ' & $substring($string({_SOURCE}), 0, 80)",
    ),
    (
        f"$not($exists({_PART_OF})) or ($type({_PART_OF}) = 'object' and "
        f"$type({_PART_OF}.execution) = 'string' and "
        f"$type({_PART_OF}.execution_time) = 'string')",
        "'part_of is what an execution of many services gives its parts: leave it out'",
    ),
    (
        "$count($filter($keys($states.input), function($key) { "
        f"$not($key in {list(INPUT_FIELDS)}) }})) = 0",
        f"'the input may have the fields {', '.join(INPUT_FIELDS)}; found ' & "
        "$substring($join($keys($states.input), ', '), 0, 200)",
    ),
)


def build_input_rules(*, next_state: str) -> list[dict[str, Any]]:
    """Return the Choice rules that assign `problem` and go to `next_state` for a wrong payload."""
    return [
        {
            "Condition": f"{{% $not({must_hold}) %}}",
            "Assign": {"problem": f"{{% {message} %}}"},
            "Next": next_state,
        }
        for must_hold, message in _RULES
    ]
