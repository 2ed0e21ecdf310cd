"""AWS Signature Version 4 for a GET without a body, enough to ask whether a server is there.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
"""

from __future__ import annotations

import hmac
from datetime import datetime
from hashlib import sha256

_EMPTY = sha256(b"").hexdigest()
_SIGNED_HEADERS = "host;x-amz-content-sha256;x-amz-date"


def signed_get(
    host: str, path: str, *, access_key: str, secret_key: str, region: str, now: datetime
) -> dict[str, str]:
    """The headers for ``GET path`` at ``host`` (with its port); ``now`` is in UTC."""
    moment = now.strftime("%Y%m%dT%H%M%SZ")
    scope = f"{moment[:8]}/{region}/s3/aws4_request"
    headers = f"host:{host}\nx-amz-content-sha256:{_EMPTY}\nx-amz-date:{moment}\n"
    request = f"GET\n{path}\n\n{headers}\n{_SIGNED_HEADERS}\n{_EMPTY}"
    text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{sha256(request.encode()).hexdigest()}"
    key = f"AWS4{secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    return {
        "Host": host,
        "X-Amz-Date": moment,
        "X-Amz-Content-Sha256": _EMPTY,
        "Authorization": (
            f"AWS4-HMAC-SHA256 Credential={access_key}/{scope}, "
            f"SignedHeaders={_SIGNED_HEADERS}, Signature={signature}"
        ),
    }
