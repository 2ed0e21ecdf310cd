"""Metadata as it is stored: names of a small alphabet, values percent-encoded to ASCII.

S3 carries metadata in HTTP headers, which are ASCII, trim their ends and may fold runs of
spaces. Percent-encoding of UTF-8 (RFC 3986) survives all that, reads well where a value is
plain, and any tool can undo it. An empty value is a lone percent sign, which no encoding gives:
some servers do not keep a header without a value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, unquote

from autodj.errors import InvalidRequest

# What S3 takes of names and values in all. What is left of it has room for the mark.
MAX_STORED_BYTES: Final = 2048
MAX_METADATA_BYTES: Final = 2000

# The mark of a conditional write, and what we note of the bytes.
WRITE_ID: Final = "write-id"
SHA256_NOTE: Final = "autodj-sha256"
CRC32_NOTE: Final = "autodj-crc32"
NOTES: Final = frozenset({SHA256_NOTE, CRC32_NOTE})
RESERVED: Final = frozenset({"sha256", WRITE_ID}) | NOTES

_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
_HEADER: Final = re.compile(r"[!-~](?:[ -~]{0,253}[!-~])?")
_EMPTY: Final = "%"
_PLAIN: Final = "!#$&'()*+,-./:;<=>?@[]^_`{|}~"


def encoded(metadata: Mapping[str, str]) -> dict[str, str]:
    """For a store; InvalidRequest for a name that cannot be, or more than 2,000 bytes."""
    if bad := [name for name in metadata if not _NAME.fullmatch(name) or name in RESERVED]:
        raise InvalidRequest(f"No name for metadata: {bad[0]!r}; use a-z, 0-9 and '-'.")
    try:
        stored = {name: quote(value, safe=_PLAIN) or _EMPTY for name, value in metadata.items()}
    except UnicodeEncodeError as error:
        raise InvalidRequest("Metadata must be text that UTF-8 can hold.") from error
    size_bytes = sum(len(name) + len(value) for name, value in stored.items())
    if size_bytes > MAX_METADATA_BYTES:
        raise InvalidRequest(
            f"The metadata takes {size_bytes} bytes as it is stored; "
            f"{MAX_METADATA_BYTES} are the most."
        )
    return stored


def in_header(value: str) -> str:
    """What goes as it is into a header of its own; InvalidRequest for what cannot."""
    if not is_header(value):
        raise InvalidRequest(f"No value for a header: {value!r}.")
    return value


def is_header(value: str) -> bool:
    return _HEADER.fullmatch(value) is not None


def decoded(stored: Mapping[str, str]) -> dict[str, str]:
    """From a store; what others wrote there is read as well as it can be."""
    return {
        name.lower(): "" if value == _EMPTY else unquote(value, errors="replace")
        for name, value in stored.items()
        if name.lower() not in RESERVED
    }
