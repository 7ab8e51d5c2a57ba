"""What a JSONata expression reads without a variable.

In Step Functions an expression has no input of its own: a bare name, `$` and `$$` mean nothing
outside a predicate, a path step or a function, and AWS refuses them with the document.
Source: https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
"""

from __future__ import annotations

from typing import Any

__all__ = ["top_level_reference"]

# The parts of a node that are evaluated on what the node itself is evaluated on.
_SAME_INPUT = {
    "apply": ("lhs", "rhs"),
    "binary": ("lhs", "rhs"),
    "bind": ("rhs",),
    "block": ("expressions",),
    "condition": ("condition", "then", "_else"),
    "function": ("procedure", "arguments"),
    "partial": ("procedure", "arguments"),
    "unary": ("expression", "expressions", "lhs_object"),
}


def top_level_reference(tree: Any) -> str | None:
    """Return a reference that has nothing to refer to, or None if there is none."""
    pending = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, (list, tuple)):
            pending.extend(reversed(node))
            continue
        kind = getattr(node, "type", None)
        if kind == "name":
            return str(node.value)
        if kind == "variable" and node.value in ("", "$"):
            return f"${node.value}"
        if kind == "path":
            # Each later step is evaluated on what the one before it found.
            pending.append(node.steps[0])
        pending.extend(
            part
            for name in reversed(_SAME_INPUT.get(kind or "", ()))
            if (part := getattr(node, name, None)) is not None
        )
    return None
