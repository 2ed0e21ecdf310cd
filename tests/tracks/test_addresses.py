from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autodj.errors import UrlNotAllowed
from autodj.tracks.addresses import check_redirect, check_url, is_allowed

PORTS = frozenset({80, 443})
PUBLIC = ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
PRIVATE = ["127.0.0.1", "10.1.2.3", "172.31.0.1", "192.168.1.1", "::1", "fd12::1"]
NEVER = [
    *("0.0.0.0", "0.1.2.3", "100.64.0.1", "169.254.169.254", "168.63.129.16", "192.0.0.192"),
    *("192.0.2.1", "192.88.99.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1"),
    *("239.255.255.250", "240.0.0.1", "255.255.255.255"),
    *("::", "::127.0.0.1", "::8.8.8.8", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1"),
    *("2001::1", "2001:db8::1", "2002:7f00:1::", "2002:808:808::", "3fff::1", "5f00::1"),
    *("100::1", "64:ff9b:1::1", "fd00:ec2::254", "2606:4700::1%1", "::ffff:169.254.169.254"),
    *("64:ff9b::a9fe:a9fe", "localhost", "127.1", "0177.0.0.1", "", "1.2.3.4.5"),
]


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_may_be_connected_to(address: str) -> None:
    assert is_allowed(address)


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_needs_the_switch(address: str) -> None:
    assert not is_allowed(address)
    assert is_allowed(address, allow_private=True)


@pytest.mark.parametrize("address", NEVER)
def test_some_addresses_are_never_connected_to(address: str) -> None:
    assert not is_allowed(address)
    assert not is_allowed(address, allow_private=True)


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_has_one_verdict_in_every_disguise(address: IPv4Address) -> None:
    verdict = is_allowed(str(address))
    number = int(address)
    assert is_allowed(str(IPv6Address((0xFFFF << 32) | number))) == verdict
    assert is_allowed(str(IPv6Address((0x64FF9B << 96) | number))) == verdict
    assert not (verdict and (address.is_private or address.is_multicast or address.is_reserved))


@given(st.ip_addresses(v=6))
def test_only_global_unicast_passes_for_ipv6(address: IPv6Address) -> None:
    if is_allowed(str(address)) and address.ipv4_mapped is None:
        assert address.is_global
        assert not address.is_multicast
        assert int(address) >> 125 == 1 or int(address) >> 32 == 0x64FF9B << 64


@given(st.text(max_size=60) | st.from_regex(r"\A(https?|ftp)://[^/]{1,20}(/.{0,20})?\Z"))
def test_any_text_is_a_checked_url_or_refused(text: str) -> None:
    try:
        url = check_url(text, allowed_ports=PORTS)
    except UrlNotAllowed:
        return
    assert url.scheme in {"http", "https"}
    assert url.port in PORTS
    assert url.user is None
    assert url.password is None
    assert url.raw_host
    assert check_url(str(url), allowed_ports=PORTS) == url


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("http://audio.example/a%2Fb?X=%2B+c#f", "http://audio.example/a%2Fb?X=%2B+c"),
        ("HTTPS://audio.example/", "https://audio.example/"),
        ("http://müsik.example/ä b", "http://xn--msik-0ra.example/%C3%A4%20b"),
        ("http://audio.example:80/", "http://audio.example/"),
        ("http://8.8.8.8/", "http://8.8.8.8/"),
        ("http://[2606:4700:4700::1111]/", "http://[2606:4700:4700::1111]/"),
    ],
)
def test_an_allowed_url_is_sent_as_it_was_written(written: str, sent: str) -> None:
    assert str(check_url(written, allowed_ports=PORTS)) == sent


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/b", "http://audio.example/b"),
        ("c", "http://audio.example/a/c"),
        ("//other.example/", "http://other.example/"),
        ("https://other.example/x?a=%2F", "https://other.example/x?a=%2F"),
    ],
)
def test_a_redirect_may_be_relative(location: str, target: str) -> None:
    base = check_url("http://audio.example/a/b", allowed_ports=PORTS)
    assert str(check_redirect(base, location, allowed_ports=PORTS)) == target


@pytest.mark.parametrize("location", ["http://[::", "http://b:x/", "\x00", "a" * 3000, "ftp://b/"])
def test_a_redirect_to_no_url_is_refused(location: str) -> None:
    base = check_url("http://audio.example/a/b", allowed_ports=PORTS)
    with pytest.raises(UrlNotAllowed):
        check_redirect(base, location, allowed_ports=PORTS)
