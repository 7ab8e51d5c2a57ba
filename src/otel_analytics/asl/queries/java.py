"""What Step Functions owes to the Java that it is written in, as recordings of it show.

Seeded random numbers are those of `java.util.Random`, and the order of what `States.ArrayUnique`
gives is that of a `java.util.HashSet`.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["JavaRandom", "in_hash_order"]

_LEAST_BUCKETS = 16
_LOAD_FACTOR = 0.75


class JavaRandom:
    """The numbers that `java.util.Random` gives for a seed."""

    def __init__(self, seed: int) -> None:
        self._state = (seed ^ 0x5DEECE66D) & (2**48 - 1)

    def random(self) -> float:
        """Return the next number from 0 to 1, as `nextDouble` gives it."""
        return ((self._next(26) << 27) + self._next(27)) / 2**53

    def below(self, bound: int) -> int:
        """Return the next number from 0 to below `bound`, as `nextInt` gives it."""
        if bound & (bound - 1) == 0:
            return (bound * self._next(31)) >> 31
        while True:
            bits = self._next(31)
            value = bits % bound
            # What would favour the small numbers is thrown away.
            if bits - value + bound - 1 < 2**31:
                return value

    def _next(self, bits: int) -> int:
        self._state = (self._state * 0x5DEECE66D + 0xB) & (2**48 - 1)
        return self._state >> (48 - bits)


def in_hash_order(values: Mapping[str, Any], *, added: int) -> list[Any]:
    """Return the values as a `HashSet` made of a list of `added` elements would iterate them."""
    buckets = _LEAST_BUCKETS
    while buckets < int(added / _LOAD_FACTOR) + 1:
        buckets *= 2

    def bucket(value: Any) -> int:
        number = _hash_code(value)
        return (number ^ (number >> 16)) & (buckets - 1)

    return sorted(values.values(), key=bucket)


def _hash_code(value: Any) -> int:
    """Return a JSON value's `hashCode`, as 32 bits without a sign."""
    if value is None:
        code = 0
    elif isinstance(value, bool):
        code = 1231 if value else 1237
    elif isinstance(value, int):
        code = value if -(2**31) <= value < 2**31 else _folded(value & (2**64 - 1))
    elif isinstance(value, float):
        code = _folded(struct.unpack(">Q", struct.pack(">d", value))[0])
    elif isinstance(value, str):
        code = _joined(0, struct.iter_unpack(">H", value.encode("utf-16-be", "surrogatepass")))
    elif isinstance(value, list):
        code = _joined(1, ((_hash_code(item),) for item in value))
    else:
        code = sum(_hash_code(name) ^ _hash_code(item) for name, item in value.items())
    return code & 0xFFFFFFFF


def _joined(code: int, parts: Any) -> int:
    for (part,) in parts:
        code = (31 * code + part) & 0xFFFFFFFF
    return code


def _folded(bits: int) -> int:
    return bits ^ (bits >> 32)
