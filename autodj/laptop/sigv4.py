"""AWS Signature Version 4 for requests without a query.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
"""

from __future__ import annotations

import hmac
from datetime import datetime
from hashlib import sha256
from typing import Final

EMPTY_HASH: Final = sha256(b"").hexdigest()


def signed_get(
    host: str, path: str, *, access_key: str, secret_key: str, region: str, now: datetime
) -> dict[str, str]:
    """The headers for ``GET path`` at ``host`` (with its port); ``now`` is in UTC."""
    return signed_headers(
        "GET", host, path, access_key=access_key, secret_key=secret_key, region=region, now=now
    )


def signed_headers(
    method: str,
    host: str,
    path: str,
    *,
    access_key: str,
    secret_key: str,
    region: str,
    now: datetime,
    session_token: str | None = None,
    body_hash: str = EMPTY_HASH,
) -> dict[str, str]:
    """The same for any method; ``path`` is percent-encoded, ``body_hash`` a SHA-256 in hex."""
    moment = now.strftime("%Y%m%dT%H%M%SZ")
    scope = f"{moment[:8]}/{region}/s3/aws4_request"
    signed = {"host": host, "x-amz-content-sha256": body_hash, "x-amz-date": moment}
    if session_token is not None:
        signed["x-amz-security-token"] = session_token
    names = ";".join(signed)
    lines = "".join(f"{name}:{value}\n" for name, value in signed.items())
    request = f"{method}\n{path}\n\n{lines}\n{names}\n{body_hash}"
    text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{sha256(request.encode()).hexdigest()}"
    key = f"AWS4{secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    return {
        **{name.title(): value for name, value in signed.items()},
        "Authorization": (
            f"AWS4-HMAC-SHA256 Credential={access_key}/{scope}, "
            f"SignedHeaders={names}, Signature={signature}"
        ),
    }
