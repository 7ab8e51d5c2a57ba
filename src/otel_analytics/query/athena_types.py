"""Athena's types as its DDL writes them: `map<string,array<int>>`."""

from __future__ import annotations

__all__ = ["split_types"]


def split_types(text: str) -> list[str]:
    """Return the parts between the commas that are in no bracket."""
    parts, depth, begin = [], 0, 0
    for i, character in enumerate(text):
        depth += (character in "<(") - (character in ">)")
        if character == "," and depth == 0:
            parts.append(text[begin:i])
            begin = i + 1
    return [*parts, text[begin:]]
