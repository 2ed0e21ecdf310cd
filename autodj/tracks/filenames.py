"""Names of files as people gave them: shown and offered for saving, never used as a path."""

from __future__ import annotations

import re
import unicodedata
from email.message import Message
from email.utils import collapse_rfc2231_value
from typing import Any
from urllib.parse import quote, unquote

MAX_NAME_CHARS = 200
_MAX_EXTENSION_CHARS = 12

# Control, format (bidi overrides, zero widths), surrogates, private use, unassigned.
_UNSHOWABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_JOINER = "\N{ZERO WIDTH JOINER}"  # a format character that scripts and emoji need
_ATTR_CHARS = "!#$&+-.^_`|~"


def display_name(raw: str | None) -> str | None:
    """The last path component, without what cannot be shown, at most MAX_NAME_CHARS long.

    None when nothing is left. The extension survives the cut.
    """
    if raw is None:
        return None
    name = re.split(r"[/\\]", raw)[-1]
    shown = (c for c in unicodedata.normalize("NFC", name) if _showable(c))
    name = " ".join("".join(shown).split()).strip(". ")
    if len(name) > MAX_NAME_CHARS:
        stem, dot, extension = name.rpartition(".")
        tail = dot + extension if stem and len(extension) <= _MAX_EXTENSION_CHARS else ""
        name = name[: MAX_NAME_CHARS - len(tail)] + tail
    return name or None


def name_in_disposition(header: str | None) -> str | None:
    """The cleaned file name of a Content-Disposition header; ``filename*`` wins (RFC 6266)."""
    if header is None:
        return None
    message = Message()
    message["Content-Disposition"] = header.encode(errors="ignore").decode()
    parameters = message.get_params(failobj=[], header="content-disposition")
    # An extended value comes as (charset, language, text), which the stubs do not say.
    names: list[Any] = [value for key, value in parameters if key.lower() == "filename"]
    names.sort(key=lambda value: isinstance(value, str))
    return display_name(collapse_rfc2231_value(names[0]) if names else None)


def name_in_path(raw_path: str) -> str | None:
    """The cleaned last segment of a URL path with its escapes undone."""
    return display_name(unquote(raw_path.rsplit("/", 1)[-1]))


def content_disposition(name: str | None, *, attachment: bool = False) -> str:
    """A Content-Disposition header (RFC 6266): ASCII ``filename``, and ``filename*`` if it
    takes more than ASCII to say the name.
    """
    kind = "attachment" if attachment else "inline"
    shown = display_name(name)
    if shown is None:
        return kind
    letters = (c for c in unicodedata.normalize("NFKD", shown) if not unicodedata.combining(c))
    fallback = re.sub(r'[^ -~]|["\\%]', "_", "".join(letters))
    header = f'{kind}; filename="{fallback}"'
    if fallback != shown:
        header += f"; filename*=UTF-8''{quote(shown, safe=_ATTR_CHARS)}"
    return header


def _showable(character: str) -> bool:
    return character == _JOINER or unicodedata.category(character) not in _UNSHOWABLE
