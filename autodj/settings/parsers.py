"""Text to value for each kind of setting. A ValueError's text says what is wanted."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

BUCKET = re.compile(r"(?!xn--|sthree-)[a-z0-9](?:[a-z0-9-]|\.(?=[a-z0-9])){1,61}[a-z0-9]")
WEAK_SECRETS = ("changeme", "change-me", "secret", "password", "autodj", "default", "test")
IPV4 = re.compile(r"\d+\.\d+\.\d+\.\d+")


def one_of(*allowed: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in allowed:
            raise ValueError("must be " + " or ".join(a for a in allowed if a))
        return text

    return parse


def whole(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,15}", text) or not least <= int(text) <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return int(text)

    return parse


def decimal(least: float, most: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", text) or not least <= float(text) <= most:
            raise ValueError(f"must be a number from {least:g} to {most:g}")
        return float(text)

    return parse


def boolean(text: str) -> bool:
    known = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    try:
        return known[text.lower()]
    except KeyError:
        raise ValueError("must be true or false") from None


def key_of_32_bytes(text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except ValueError:
        key = b""
    if len(key) != 32:
        raise ValueError("must be 32 bytes in base64")
    return key


def matching(pattern: str, wanted: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"must be {wanted}")
        return text

    return parse


aws_region = matching(r"[a-z]{2,}(-[a-z0-9]+)*", "a region such as eu-central-1")
aws_account = matching(r"[0-9]{12}", "an account of 12 digits")
aws_profile = matching(r"[^\s\[\]]{1,64}", "a profile's name")
key_prefix = matching(
    # With a key after it, a name that every store can have.
    r"(?=.{1,800}$)(?!(.*/)?\.\.?(/|$))[a-z0-9._-]+(/[a-z0-9._-]+)*/?",
    "a prefix of up to 800 of a-z 0-9 . _ - and /, without . or .. as a folder",
)
cloudfront_key_id = matching(r"[A-Z0-9]{8,32}", "an id such as K2JCJMDEHXQW5F")


def optional(parse: Callable[[str], T]) -> Callable[[str], T | None]:
    """An empty value means none."""
    return lambda text: parse(text) if text else None


def expanded(path: Path | str) -> Path:
    """With the home folder for ``~``, as a shell has it: what names none stays as it is."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - pathlib's fails where there is none


def absolute_path(text: str) -> Path:
    path = expanded(text)
    if text.startswith("~") and not path.is_absolute():
        raise ValueError("lies in the home folder, and HOME is not an absolute folder")
    if not path.is_absolute() or path == Path("/"):
        raise ValueError("must be an absolute folder, and not /")
    return path


def bucket_name(text: str) -> str:
    if not 3 <= len(text) <= 63 or not BUCKET.fullmatch(text) or IPV4.fullmatch(text):
        raise ValueError("must be a bucket name: 3 to 63 of a-z 0-9 - and single dots")
    return text


def secret(text: str) -> str:
    """At least 32 bytes, and none of the words that samples use."""
    if not text:
        raise ValueError("is missing; `autodj secret` prints one")
    if len(text.encode()) < 32 or len(set(text)) < 10 or text.lower().startswith(WEAK_SECRETS):
        raise ValueError("is weak; `autodj secret` prints a good one")
    return text


def pem(text: str) -> str:
    """PEM text with real newlines, read from the file when a path is given."""
    if "-----BEGIN" in text:
        return text.replace("\\n", "\n").strip() + "\n"
    path = Path(text)
    if not path.is_absolute():
        raise ValueError("must be PEM text or the absolute path of a PEM file")
    try:
        return path.read_text("ascii").strip() + "\n"
    except (OSError, UnicodeDecodeError):
        raise ValueError("names a file that cannot be read as PEM") from None


@dataclass(frozen=True, slots=True)
class Retention:
    """How long a published track's local copy stays: 0 days, some days, or for ever (None)."""

    days: int | None


def retention(text: str) -> Retention:
    if text == "delete":
        return Retention(0)
    if text == "keep":
        return Retention(None)
    if match := re.fullmatch(r"([1-9][0-9]{0,4})d?", text):
        return Retention(int(match[1]))
    raise ValueError("must be delete, keep or a number of days such as 30d")
