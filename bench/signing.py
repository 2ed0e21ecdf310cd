"""What a signed link costs, by kind of key and policy: ``python -m bench.signing``.

Everything is timed in CPU time of one thread, in rounds that take turns, so that other work on
the machine meets all cases alike; the figures are medians over the rounds. The peer is the
signer that comes with AWS's own SDK, given the same key of the same library; it knows SHA-1 only
and leaves the signing itself to a callback.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from botocore.signers import CloudFrontSigner as BotocoreSigner
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from autodj.cdn.keys import PrivateKey
from autodj.cdn.policy import check_request
from autodj.cdn.signer import CloudFrontSigner, Terms

DOMAIN: Final = "d111111abcdef8.cloudfront.net"
KEY_PAIR_ID: Final = "K2JCJMDEHXQW5F"
KEY: Final = f"tracks/0b0e7a52-1111-4222-8333-444455556666/1-{'ab' * 32}.mp3"
END: Final = datetime(2027, 1, 1, tzinfo=UTC)
NOW: Final = END - timedelta(hours=1)
PEER: Final = "botocore, RSA"

Case = Callable[[], object]


def main() -> None:
    options = _options()
    cases = signing_cases()
    times_us = measure(cases, rounds=options.rounds, round_s=options.round_s)
    print(f"{'case':<44}{'us':>9}{'x ' + PEER:>18}{'URL':>6}")
    for name, us in times_us.items():
        made = cases[name]()
        length = len(made) if isinstance(made, str) else 0
        print(f"{name:<44}{us:>9.1f}{times_us[PEER] / us:>18.1f}{length or '':>6}")


def signing_cases() -> Mapping[str, Case]:
    """By name: each makes one link, or checks one."""
    rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    ec_key = ec.generate_private_key(ec.SECP256R1())
    sha256 = hashes.SHA256()
    return {
        PEER: _botocore(lambda text: rsa_key.sign(text, padding.PKCS1v15(), hashes.SHA1())),
        "botocore, RSA, key loaded for each link": _botocore(_loading(rsa_key)),
        "botocore, ECDSA by the same callback": _botocore(
            lambda text: ec_key.sign(text, ec.ECDSA(hashes.SHA1()))
        ),
        "ours, RSA, canned, SHA1": _canned(rsa_key, "SHA1"),
        "ours, RSA, canned, SHA256": _canned(rsa_key, "SHA256"),
        "ours, ECDSA, canned, SHA1": _canned(ec_key, "SHA1"),
        "ours, ECDSA, canned, SHA256": _canned(ec_key, "SHA256"),
        "ours, ECDSA, custom, SHA256": _custom(ec_key),
        "the library alone, RSA": lambda: rsa_key.sign(b"x" * 200, padding.PKCS1v15(), sha256),
        "the library alone, ECDSA, random": lambda: ec_key.sign(b"x" * 200, ec.ECDSA(sha256)),
        "the library alone, ECDSA, deterministic": lambda: ec_key.sign(
            b"x" * 200, ec.ECDSA(sha256, deterministic_signing=True)
        ),
        "check of a link, RSA": _checked(rsa_key),
        "check of a link, ECDSA": _checked(ec_key),
    }


def measure(cases: Mapping[str, Case], *, rounds: int, round_s: float) -> dict[str, float]:
    """Microseconds of CPU time for one call of each case."""
    found: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, case in cases.items():
            found[name].append(_one_round(case, round_s))
    return {name: statistics.median(times) for name, times in found.items()}


def _one_round(case: Case, round_s: float) -> float:
    case()
    calls, begun = 0, time.thread_time()
    while (spent := time.thread_time() - begun) < round_s:
        for _ in range(16):
            case()
        calls += 16
    return spent / calls * 1e6


def _botocore(sign: Callable[[bytes], bytes]) -> Case:
    signer = BotocoreSigner(KEY_PAIR_ID, sign)
    url = f"https://{DOMAIN}/{KEY}"
    return lambda: signer.generate_presigned_url(url, date_less_than=END)


def _loading(key: rsa.RSAPrivateKey) -> Callable[[bytes], bytes]:
    """The callback as the SDK's own example has it: the PEM is read at every call."""
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def sign(text: bytes) -> bytes:
        loaded = load_pem_private_key(pem, password=None)
        assert isinstance(loaded, rsa.RSAPrivateKey)
        return loaded.sign(text, padding.PKCS1v15(), hashes.SHA1())

    return sign


def _signer(key: PrivateKey, hash_algorithm: str) -> CloudFrontSigner:
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return CloudFrontSigner(DOMAIN, KEY_PAIR_ID, pem, hash_algorithm)


def _canned(key: PrivateKey, hash_algorithm: str) -> Case:
    signer = _signer(key, hash_algorithm)
    return lambda: signer.link(KEY, expires_at=END)


def _custom(key: PrivateKey) -> Case:
    signer = _signer(key, "SHA256")
    return lambda: signer.custom_link(KEY, Terms(END, NOW), covering="tracks/*")


def _checked(key: PrivateKey) -> Case:
    signer = _signer(key, "SHA256")
    link, keys = signer.link(KEY, expires_at=END), signer.public_keys()
    return lambda: check_request(link, cookies={}, client_ip="", now=NOW, public_keys=keys)


def _options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--round-s", type=float, default=0.1, help="CPU seconds for each case")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
