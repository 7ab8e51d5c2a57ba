"""Whether there is an object in S3, as someone learns it who may list some prefixes alone.

GetObject and HeadObject tell that an object is missing only to who may list the bucket: 403 is what
they say to others, and what they say may be the same where the right to list depends on a prefix,
of which these calls have none. A listing of the key answers under both.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_analytics.errors import AwsFailed

if TYPE_CHECKING:
    from otel_analytics.aws.clients import Client
    from otel_analytics.names import S3Address

__all__ = ["get_if_there", "holds"]

_MISSING: Final = ("NoSuchKey", "NoSuchVersion")
_MISSING_OR_DENIED: Final = ("AccessDenied", "403", "404")


def holds(s3: Client, address: S3Address) -> bool:
    """Return whether there is an object at an address.

    Raises: NoAccess, AwsFailed
    """
    # of the keys that begin so, the key itself is the first
    found = s3.call("list_objects_v2", Bucket=address.bucket, Prefix=address.key, MaxKeys=1)
    return any(one["Key"] == address.key for one in found.get("Contents", ()))


def get_if_there(s3: Client, address: S3Address, **version: str) -> Any | None:
    """Return what GetObject answers, None if there is no such object.

    Raises: NoAccess; AwsFailed, also if it is there and may not be read
    """
    try:
        return s3.call("get_object", Bucket=address.bucket, Key=address.key, **version)
    except AwsFailed as error:
        if error.code in _MISSING:
            return None
        if error.code in _MISSING_OR_DENIED and not holds(s3, address):
            return None
        raise
