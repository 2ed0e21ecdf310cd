"""Who is let in, and who is not."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

from autodj.cdn.check.evidence import Evidence, Reply
from autodj.cdn.check.wrong import Wrong, code_of

MAX_SKEW_S: Final = 60
REDIRECTS: Final = (301, 302, 307, 308)

_RESTRICT: Final = "Restrict viewer access of the behaviour to the key group."
_REFUSED_LINKS: Final[dict[tuple[int, str], str]] = {
    (403, "InvalidKey"): "Put the public key into the key group; its id is CLOUDFRONT_KEY_PAIR_ID.",
    (403, "MissingKey"): "The signature did not arrive: look for a proxy or function on the way.",
}
_REFUSED: Final = {
    403: "Compare CLOUDFRONT_KEY_PAIR_ID and CLOUDFRONT_PRIVATE_KEY with the key group, "
    "CLOUDFRONT_DOMAIN with the address that is asked, and this machine's clock.",
    404: "Compare the origin's bucket and path with S3_BUCKET_NAME and S3_PREFIX.",
    **dict.fromkeys(
        REDIRECTS,
        "Name the address that it sends to as CLOUDFRONT_DOMAIN, and the bucket's own region.",
    ),
}


def link(seen: Evidence) -> str:
    reply, kind = seen.whole, "signed" if seen.setup.signer.signs else "plain"
    if reply.status == 200:
        return f"a {kind} link is honoured"
    code = code_of(reply)
    said = f"a {kind} link is answered {reply.status}{f' {code}' if code else ''}"
    raise Wrong(said, _why_refused(reply, code))


def _why_refused(reply: Reply, code: str) -> str:
    if reply.status == 403 and reply.headers.get("Server") == "AmazonS3":
        return (
            "S3 refused CloudFront: the bucket policy must allow s3:GetObject to this "
            "distribution, and a KMS key must allow it to decrypt."
        )
    usual = _REFUSED.get(reply.status, "Look at the origin of the distribution.")
    return _REFUSED_LINKS.get((reply.status, code), usual)


def _refused(reply: Reply | None, what: str, hint: str) -> str | None:
    if reply is None:
        return None
    if reply.status != 403:
        raise Wrong(f"{what} is answered {reply.status} instead of 403", hint)
    return "refused with 403"


def unsigned(seen: Evidence) -> str | None:
    return _refused(seen.unsigned, "a link without a signature", _RESTRICT)


def tampered(seen: Evidence) -> str | None:
    wrong = [name for name, reply in seen.tampered.items() if reply.status != 403]
    if wrong:
        raise Wrong(f"a link changed to {', '.join(wrong)} is let through", _RESTRICT)
    return f"refused with 403: {', '.join(seen.tampered)}" if seen.tampered else None


def expired(seen: Evidence) -> str | None:
    return _refused(
        seen.expired,
        "a link that ended an hour ago",
        "Something answers without looking at Expires.",
    )


def unknown_key(seen: Evidence) -> str | None:
    return _refused(seen.unknown_key, "a link by a key that nobody knows", _RESTRICT)


def second_key(seen: Evidence) -> str:
    for key_pair_id, reply in seen.second_keys.items():
        if reply.status != 200:
            code = code_of(reply)
            raise Wrong(
                f"a link by the second key {key_pair_id} is answered {reply.status}"
                f"{f' {code}' if code else ''}",
                "Add its public key to the key group beside the first, and wait until the "
                "distribution is deployed, before keys are swapped.",
            )
    return f"links of {', '.join(seen.second_keys)} are honoured too"


def cookies(seen: Evidence) -> str | None:
    reply = seen.cookies
    if reply is None:
        return None
    if reply.status != 200:
        raise Wrong(
            f"signed cookies are answered {reply.status}",
            "Nothing before CloudFront may drop the Cookie header; signed URLs work without.",
        )
    return "honoured as signed URLs are"


def public(seen: Evidence) -> str | None:
    reply = seen.public
    if reply is None:
        return None
    if reply.status != 200:
        raise Wrong(
            f"a plain link to a public object is answered {reply.status}",
            "Add a behaviour for public/* without a key group, or unset CLOUDFRONT_PUBLIC_LINKS.",
        )
    return "plain links to what is public are honoured"


def direct(seen: Evidence) -> str | None:
    if seen.setup.direct_url is None:
        return None
    if seen.direct is not None and seen.direct.status < 400:
        raise Wrong(
            f"S3 itself answers {seen.direct.status} to {urlsplit(seen.setup.direct_url).netloc}",
            "Block public access of the bucket, and let only the distribution in (origin access "
            "control).",
        )
    return "the bucket answers nobody but the distribution"


def https(seen: Evidence) -> str | None:
    if seen.setup.http_origin is None:
        return None
    reply = seen.plain_http
    if reply is None:
        return "nobody answers plain HTTP"
    location = reply.headers.get("Location", "")
    if reply.status == 403 and not code_of(reply):
        # HTTPS only; what lets HTTP in looks at the signature, and says so in XML.
        return "plain HTTP is refused"
    if reply.status not in REDIRECTS or not location.startswith("https://"):
        raise Wrong(
            f"plain HTTP is answered {reply.status}",
            "Set the viewer protocol policy to redirect-to-https.",
        )
    return f"plain HTTP is sent to HTTPS ({reply.status})"


def clock(seen: Evidence) -> str | None:
    # A copy bears the date of its making; a refusal is made on the spot.
    reply = seen.unsigned or seen.missing or seen.whole
    try:
        theirs = parsedate_to_datetime(reply.headers["Date"])
        apart_s = abs((theirs - reply.asked_at).total_seconds())
    except (KeyError, ValueError, TypeError):  # none, not one, or one without a zone
        return None
    if apart_s > MAX_SKEW_S:
        raise Wrong(
            f"its clock and this machine's are {apart_s:.0f} s apart",
            "Links end too soon or too late: set this machine's clock, best by NTP.",
        )
    return "agrees with this machine's"
