"""The secrets of a laptop installation: made once, kept in the data directory, never shown."""

from __future__ import annotations

import json
import secrets
import string
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from autodj.errors import CommandError
from autodj.laptop.private import read_private, write_private

_CAPITALS_AND_DIGITS = string.ascii_uppercase + string.digits


@dataclass(frozen=True, slots=True)
class LaptopKeys:
    """``app_secret`` signs sessions and local links; the ``cdn_`` pair (ECDSA P-256, PEM) signs
    the edge's; ``s3_sse_kek`` (64 hex digits) wraps the S3 server's encryption keys.
    """

    app_secret: str = field(repr=False)
    cdn_key_pair_id: str
    cdn_private_key_pem: str = field(repr=False)
    cdn_public_key_pem: str
    s3_access_key: str
    s3_secret_key: str = field(repr=False)
    s3_sse_kek: str = field(repr=False)


def laptop_keys(data_dir: Path) -> LaptopKeys:
    """The keys in ``data_dir/keys.json`` (mode 0600), made at the first call.

    CommandError when the file is not one that this function wrote: new keys would make every
    link and every stored object of the old ones useless, so they are not made silently.
    """
    file = data_dir / "keys.json"
    try:
        return _parsed(read_private(file))
    except FileNotFoundError:
        keys = _new_keys()
        write_private(file, json.dumps(asdict(keys), indent=2))
        return keys
    except (ValueError, TypeError) as error:
        raise CommandError(
            f"{file} is damaged; restore it, or remove it to start with new keys."
        ) from error


def _parsed(text: str) -> LaptopKeys:
    values = json.loads(text)
    if not isinstance(values, dict) or set(values) != {each.name for each in fields(LaptopKeys)}:
        raise ValueError("other fields than ours")
    if not all(isinstance(value, str) and value for value in values.values()):
        raise ValueError("a key is not a text")
    return LaptopKeys(**values)


def _new_keys() -> LaptopKeys:
    private_key = ec.generate_private_key(ec.SECP256R1())
    private_pem = private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public_pem = private_key.public_key().public_bytes(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    )
    return LaptopKeys(
        app_secret=secrets.token_urlsafe(48),
        cdn_key_pair_id=f"K{_code(13)}",
        cdn_private_key_pem=private_pem.decode("ascii"),
        cdn_public_key_pem=public_pem.decode("ascii"),
        s3_access_key=f"AK{_code(18)}",
        s3_secret_key=secrets.token_urlsafe(30),
        s3_sse_kek=secrets.token_hex(32),
    )


def _code(length: int) -> str:
    return "".join(secrets.choice(_CAPITALS_AND_DIGITS) for _ in range(length))
