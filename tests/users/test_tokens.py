"""A token is ours, whole, meant for this and in time, or it is nothing."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from autodj.errors import Unauthenticated
from autodj.users.tokens import LEEWAY_S, MAX_TOKEN_BYTES, Audience, issue, verify

SECRET = "a-secret-of-the-tests-0123456789-ABCDEF"
USER = UUID("6e1d7f0e-6f3c-4f9a-9c1b-0d6a3a5f2b11")
NOW = int(datetime.now(UTC).timestamp())
END = NOW + 86400
RSA_KEY = rsa.generate_private_key(65537, 2048)
RSA_PUBLIC = RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def claims(**changes: object) -> dict[str, Any]:
    whole = {
        "iss": "autodj",
        "aud": "autodj-api",
        "sub": str(USER),
        "iat": NOW,
        "nbf": NOW,
        "exp": END,
    }
    return {name: value for name, value in (whole | changes).items() if value is not ...}


def signed(payload: object, *, secret: str = SECRET, alg: str = "HS256", **header: object) -> str:
    """Sign whatever it is: PyJWT itself would not write most of these."""
    text = payload if isinstance(payload, str) else json.dumps(payload)
    parts = [_coded(json.dumps({"alg": alg, "typ": "JWT"} | header)), _coded(text)]
    message = ".".join(parts).encode()
    algorithm = jwt.get_algorithm_by_name(alg)
    signature = algorithm.sign(message, algorithm.prepare_key(secret))
    return f"{message.decode()}.{_coded(signature)}"


def _coded(part: str | bytes) -> str:
    raw = part.encode() if isinstance(part, str) else part
    return urlsafe_b64encode(raw).decode().rstrip("=")


def read(secret: str, token: str, audience: Audience) -> UUID:
    return verify(secret, token, audience).user_id


def test_a_token_that_is_whole_names_its_user() -> None:
    assert read(SECRET, signed(claims()), Audience.API) == USER
    token = issue(SECRET, USER, Audience.API, now=datetime.now(UTC), ttl_s=60)
    assert read(SECRET, token, Audience.API) == USER


def _unsigned() -> str:
    head, body, _ = signed(claims()).split(".")
    del head
    return f"{_coded(json.dumps({'alg': 'none'}))}.{body}."


def _without(name: str) -> str:
    return signed(claims(**{name: ...}))


ATTACKS: dict[str, Callable[[], str]] = {
    "no signature, alg none": _unsigned,
    "alg None in another case": lambda: _unsigned().replace(
        _coded(json.dumps({"alg": "none"})), _coded(json.dumps({"alg": "NoNe"}))
    ),
    "signed by an RSA key": lambda: jwt.encode(claims(), RSA_KEY, algorithm="RS256"),
    "signed by our secret with another hash": lambda: signed(claims(), alg="HS384"),
    "signed with a public key as the secret": lambda: signed(claims(), secret=_hex(RSA_PUBLIC)),
    "signed by another secret": lambda: signed(claims(), secret="another" * 8),
    "signed by nobody": lambda: signed(claims()).rpartition(".")[0] + ".",
    "key brought along": lambda: signed(
        claims(), secret="k" * 40, jwk={"kty": "oct", "k": _coded("k" * 40)}
    ),
    "key to be fetched": lambda: signed(claims(), secret="k" * 40, jku="http://127.0.0.1/keys"),
    "key id that is a path": lambda: signed(claims(), secret="k" * 40, kid="../../dev/null"),
    "key id that is SQL": lambda: signed(claims(), secret="k" * 40, kid="' UNION SELECT 'k"),
    "critical extension": lambda: signed(claims(), crit=["exp"], b64=False),
    **{
        f"without {name}": partial(_without, name)
        for name in ("iss", "aud", "sub", "iat", "nbf", "exp")
    },
    "expired": lambda: signed(claims(exp=NOW - LEEWAY_S - 5)),
    "not yet valid": lambda: signed(claims(nbf=NOW + LEEWAY_S + 86400)),
    "made in the future": lambda: signed(claims(iat=NOW + LEEWAY_S + 86400)),
    "for the page": lambda: signed(claims(aud="autodj-page")),
    "for somebody else": lambda: signed(claims(aud="other-api")),
    "for nobody": lambda: signed(claims(aud=[])),
    "by somebody else": lambda: signed(claims(iss="other")),
    "exp is NaN": lambda: signed(claims(exp=float("nan"))),
    "exp is infinite": lambda: signed(json.dumps(claims()).replace(str(END), "1e400")),
    "exp is a list": lambda: signed(claims(exp=[END])),
    "exp is a word": lambda: signed(claims(exp="never")),
    "exp is null": lambda: signed(claims(exp=None)),
    "exp is a huge number": lambda: signed(json.dumps(claims()).replace(str(END), "9" * 5000)),
    "sub is no id": lambda: signed(claims(sub="admin")),
    "sub is a number": lambda: signed(claims(sub=1)),
    "sub is null": lambda: signed(claims(sub=None)),
    "payload is null": lambda: signed("null"),
    "payload is a list": lambda: signed("[]"),
    "payload is deep": lambda: signed("[" * 1500),
    "payload is no JSON": lambda: signed("{"),
    "payload is not text": lambda: ".".join([_coded("{}"), _coded(b"\xff\xfe"), "AA"]),
    "8 KB": lambda: signed(claims(padding="x" * 8192)),
    "empty": lambda: "",
    "one part": lambda: "abc",
    "five parts": lambda: "a.b.c.d.e",
    "not ASCII": lambda: "é.é.é",
    "NUL": lambda: "\0",
    "with a space inside": lambda: signed(claims()).replace(".", ". ", 1),
}


def _hex(raw: bytes) -> str:
    return raw.hex()


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_everything_else_is_refused_in_the_same_words(attack: Callable[[], str]) -> None:
    with pytest.raises(Unauthenticated) as caught:
        read(SECRET, attack(), Audience.API)
    assert caught.value.problem() == Unauthenticated().problem()


def test_the_page_takes_no_token_of_programs_and_the_reverse() -> None:
    for meant, asked in ((Audience.API, Audience.PAGE), (Audience.PAGE, Audience.API)):
        token = issue(SECRET, USER, meant, now=datetime.now(UTC), ttl_s=60)
        assert read(SECRET, token, meant) == USER
        with pytest.raises(Unauthenticated):
            read(SECRET, token, asked)


def test_clocks_may_differ_by_a_minute() -> None:
    almost = timedelta(seconds=LEEWAY_S - 10)
    for now in (datetime.now(UTC) - timedelta(seconds=60) - almost, datetime.now(UTC) + almost):
        assert read(SECRET, issue(SECRET, USER, Audience.API, now=now, ttl_s=60), Audience.API)


def test_the_longest_token_is_as_long_as_is_said() -> None:
    base = len(signed(claims(padding="")))
    token = signed(claims(padding="x" * ((MAX_TOKEN_BYTES - base) * 3 // 4)))
    assert MAX_TOKEN_BYTES - 8 < len(token) <= MAX_TOKEN_BYTES
    assert read(SECRET, token, Audience.API) == USER


def test_a_weak_secret_makes_no_valid_token() -> None:
    weak = "short-secret"
    with pytest.raises(Unauthenticated):
        read(weak, signed(claims(), secret=weak), Audience.API)


@given(st.integers(min_value=0), st.integers(0, 7))
def test_a_token_with_any_bit_flipped_is_refused(position: int, bit: int) -> None:
    parts = [
        bytearray(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        for part in signed(claims()).split(".")
    ]
    position %= sum(map(len, parts))
    for part in parts:
        if position < len(part):
            part[position] ^= 1 << bit
            break
        position -= len(part)
    with pytest.raises(Unauthenticated):
        read(SECRET, ".".join(_coded(bytes(part)) for part in parts), Audience.API)


@given(st.text(max_size=300))
def test_text_that_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(Unauthenticated):
        read(SECRET, text, Audience.API)
