"""Signed cookies: one permission for many objects, without a signature in any URL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Literal

SameSite = Literal["Strict", "Lax", "None"]


@dataclass(frozen=True, slots=True)
class SignedCookies:
    """Cookies that open what one policy covers, and where a browser may send them.

    ``values`` are secrets by cookie name. They end with the browser's session: what ends them
    sooner is the policy, which CloudFront reads and a browser cannot stretch. ``partitioned``
    is for a page on another site than the CDN's, the one way a browser still takes them there;
    it needs ``same_site`` None. ValueError for attributes that browsers would drop.
    """

    values: Mapping[str, str] = field(repr=False)
    domain: str | None = None
    path: str = "/"
    same_site: SameSite = "Lax"
    partitioned: bool = False

    def __post_init__(self) -> None:
        if self.partitioned and self.same_site != "None":
            raise ValueError("a partitioned cookie needs SameSite=None")
        if not self.path.startswith("/"):
            raise ValueError("the path of a cookie begins with a slash")

    def headers(self) -> list[str]:
        """The values of the ``Set-Cookie`` headers to send, one for each cookie."""
        attributes = "".join(
            (
                f"; Domain={self.domain}" if self.domain else "",
                f"; Path={self.path}; Secure; HttpOnly; SameSite={self.same_site}",
                "; Partitioned" if self.partitioned else "",
            )
        )
        return [f"{name}={value}{attributes}" for name, value in self.values.items()]


def shared_domain(page_host: str, cdn_host: str) -> str:
    """The ``Domain`` with which a page's host can set cookies that the CDN's host receives.

    ValueError when there is none: the hosts have no parent of two names in common, or one is
    an address. ``*.cloudfront.net`` is nobody's to set cookies for, so cookies need a domain
    name of one's own in front of the distribution.
    """
    page, cdn = (host.lower().rstrip(".").split(".") for host in (page_host, cdn_host))
    shared: list[str] = []
    for ours, theirs in zip(reversed(page), reversed(cdn), strict=False):
        if ours != theirs:
            break
        shared.insert(0, ours)
    if len(shared) < 2 or shared == ["cloudfront", "net"] or _is_address(page_host):
        raise ValueError(f"{page_host} cannot set cookies for {cdn_host}")
    return ".".join(shared)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
