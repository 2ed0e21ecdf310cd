"""Which URLs and IP addresses a fetch may touch: pure rules, no network."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from yarl import URL

from autodj.errors import UrlNotAllowed

MAX_URL_CHARS = 2048
MAX_HOST_CHARS = 253

_UNSAFE = re.compile(r"[\x00-\x1f\x7f\\]")
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST_NAME = re.compile(rf"(?:{_LABEL}\.)*{_LABEL}\.?")
# The host parsers of libc and of browsers read 127.1, 0177.0.0.1, 0x7f000001 and 2130706433 as
# addresses; no public top-level domain is a number, so such names are refused before any lookup.
_NUMERIC_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*")

_NEVER_V4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "100.64.0.0/10",  # carrier NAT, and one cloud's metadata service
        "168.63.129.16/32",  # a cloud's host agent behind a public-looking number
        "169.254.0.0/16",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",  # the retired 6to4 relay
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_PRIVATE_V4 = tuple(
    IPv4Network(text) for text in ("10.0.0.0/8", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
)
# Everything outside global unicast is refused, and these parts of it.
_GLOBAL_V6 = IPv6Network("2000::/3")
_NEVER_V6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments, Teredo among them
        "2001:db8::/32",
        "2002::/16",  # 6to4: an IPv4 address in disguise, and no longer routed
        "3fff::/20",
    )
)
_PRIVATE_V6 = (IPv6Network("::1/128"), IPv6Network("fc00::/7"))
_METADATA_V6 = IPv6Network("fd00:ec2::/32")
_NAT64 = IPv6Network("64:ff9b::/96")


def check_url(written: str, *, allowed_ports: Collection[int]) -> URL:
    """The URL to request, or UrlNotAllowed; nothing is looked up.

    The answer is the one parsed value that is checked, resolved and sent, so no second parser
    can read another host out of it. A fragment is dropped.
    """
    if len(written) > MAX_URL_CHARS:
        raise UrlNotAllowed(f"The URL is longer than {MAX_URL_CHARS} characters.")
    if _UNSAFE.search(written):
        raise UrlNotAllowed("The URL holds a control character or a backslash.")
    try:
        url = URL(written, encoded=_is_encoded(written))
        host, port = (url.raw_host or "").lower(), url.port
    except ValueError as error:
        raise UrlNotAllowed("The URL cannot be read.") from error
    scheme = url.scheme.lower()
    if scheme not in {"http", "https"}:
        raise UrlNotAllowed("Only http and https URLs are fetched.")
    if "@" in url.raw_authority:
        raise UrlNotAllowed("A URL with a user name or password is not fetched.")
    if port not in allowed_ports:
        raise UrlNotAllowed("The URL names a port that is not fetched from.")
    _check_host(host)
    return url.with_scheme(scheme).with_fragment(None)


def check_redirect(base: URL, location: str, *, allowed_ports: Collection[int]) -> URL:
    """The URL that a Location header of ``base`` leads to, under the rules of check_url."""
    if len(location) > MAX_URL_CHARS or _UNSAFE.search(location):
        raise UrlNotAllowed("The URL redirects to something that is not a URL.")
    try:
        joined = str(base.join(URL(location, encoded=_is_encoded(location))))
    except ValueError as error:
        raise UrlNotAllowed("The URL redirects to something that is not a URL.") from error
    return check_url(joined, allowed_ports=allowed_ports)


def check_addresses(addresses: Iterable[str], *, allow_private: bool = False) -> tuple[str, ...]:
    """The addresses in plain form when every one may be connected to, else UrlNotAllowed.

    One private address among public ones refuses them all: which one is tried first is not
    ours to choose.
    """
    checked = tuple(addresses)
    if not checked or not all(is_allowed(a, allow_private=allow_private) for a in checked):
        raise UrlNotAllowed("The URL leads to an address that is not public.")
    return tuple(str(ip_address(address)) for address in checked)


def is_allowed(address: str, *, allow_private: bool = False) -> bool:
    """Whether a connection to this IP address may be made.

    ``allow_private`` adds loopback and the private networks, never link-local, multicast or
    metadata addresses.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv4Address):
        return _v4_allowed(parsed, allow_private=allow_private)
    if parsed.ipv4_mapped is not None:
        return _v4_allowed(parsed.ipv4_mapped, allow_private=allow_private)
    if parsed in _NAT64:
        return _v4_allowed(IPv4Address(int(parsed) & 0xFFFF_FFFF), allow_private=allow_private)
    return _v6_allowed(parsed, allow_private=allow_private)


def is_literal(host: str) -> bool:
    """Whether the host is an IP address in its usual form."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _v4_allowed(address: IPv4Address, *, allow_private: bool) -> bool:
    if any(address in network for network in _PRIVATE_V4):
        return allow_private
    return not any(address in network for network in _NEVER_V4) and address.is_global


def _v6_allowed(address: IPv6Address, *, allow_private: bool) -> bool:
    if address.scope_id is not None or address in _METADATA_V6:
        return False
    if any(address in network for network in _PRIVATE_V6):
        return allow_private
    return address in _GLOBAL_V6 and not any(address in network for network in _NEVER_V6)


def _check_host(host: str) -> None:
    if is_literal(host):
        return
    if len(host) > MAX_HOST_CHARS or not _HOST_NAME.fullmatch(host):
        raise UrlNotAllowed("The URL names no host that can be looked up.")
    if _NUMERIC_LABEL.fullmatch(host.rstrip(".").rsplit(".", 1)[-1]):
        raise UrlNotAllowed("The URL writes an IP address in an unusual form.")


def _is_encoded(text: str) -> bool:
    # Signed URLs survive only when their own escapes are left as they are.
    return text.isascii() and " " not in text
