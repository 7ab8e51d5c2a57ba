"""Decides questions on policies by MiniStack's evaluator; runs in the emulator's environment.

On standard input a list of {policies, action, resource, context}; on standard output, as a list,
Allow, Deny (by a statement) or ImplicitDeny.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from ministack.core.iam_evaluator import EvalContext, evaluate, parse_policy_document


def decide(question: dict[str, Any]) -> str:
    context = EvalContext(
        principal_arn="arn:aws:sts::725129837589:assumed-role/role/session",
        principal_type="AssumedRole",
        principal_account="725129837589",
        action=question["action"],
        resource_arn=question["resource"],
        region="ap-northeast-2",
        service_context={name.lower(): value for name, value in question["context"].items()},
    )
    policies = [parse_policy_document(policy) for policy in question["policies"]]
    return str(evaluate(context, policies).decision)


json.dump([decide(question) for question in json.load(sys.stdin)], sys.stdout)
