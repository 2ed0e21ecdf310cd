"""What no log may tell: values that are secret by their name, and secrets inside any text.

Text may come from strangers, a request's path for one, so every pattern takes time in proportion
to the text, whatever it holds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from typing import Any, Final

REDACTED: Final = "[redacted]"

_WORDS: Final = (
    "authorization|cookie|secret|token|signature|password|passphrase"
    "|(?:private|access|customer|api)[_-]?key"
)
_SECRET_NAMES: Final = re.compile(f"{_WORDS}|^policy$", re.IGNORECASE)

_NAME: Final = rf"(?<![\w-])(?:[\w-]{{0,40}}?(?:{_WORDS})[\w-]{{0,40}}|policy)"
# A quotation within others has more backslashes before its marks.
_QUOTE: Final = r"""\\{0,9}["']"""
# 'token': 'x', ("token", b"x"), \"token\": \"x\"
_LISTED: Final = (
    rf"(?P<kept>(?P<a>{_QUOTE}){_NAME}(?P=a)\s*[:,]\s*b?)(?P<b>{_QUOTE}).*?(?<!\\)(?P=b)"
)
# Authorization: x, up to the end of the line
_HEADER: Final = rf"(?P<kept>{_NAME}:\s)(?:(?!\\[rn])[^\r\n])+"
# token=x, token='x y', ?t=x, %26Signature%3Dx
_IN_QUERY: Final = r"(?:(?<!\w)|(?<=%26|%3F))(?:policy|key-pair-id|x-amz-[a-z-]+|t)"
_ASSIGNED: Final = (
    rf"(?P<kept>(?:{_NAME}|{_IN_QUERY})(?:=|%3D))"
    rf"""(?:(?P<c>{_QUOTE}).*?(?<!\\)(?P=c)|(?:(?!%26)[^&\s"'])+)"""
)
# redis://user:x@host
_OF_USER: Final = r"""(?P<kept>://[^\s/?#@:"']*:)[^\s/?#"']*(?=@)"""
_JWT: Final = r"(?P<kept>)(?<![\w-])eyJ[\w-]+\.[\w-]+\.[\w-]*"
_PEM: Final = r"(?P<kept>-----BEGIN (?P<d>[A-Z ]*)PRIVATE KEY-----).*?(?=-----END (?P=d)|\Z)"
_SECRETS: Final = tuple(
    re.compile(pattern, re.IGNORECASE | re.DOTALL)
    for pattern in (_LISTED, _HEADER, _ASSIGNED, _OF_USER, _JWT, _PEM)
)
_SUSPECT: Final = re.compile(r"""[=%:"']|eyJ|-----""")


def redact(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Blank values that are secret by name, however deep, and secrets inside any text: a
    processor of structlog.
    """
    for name, value in event.items():
        event[name] = _told(name, value) if name != "event" else _redacted(value)
    return event


def without_secrets(text: str) -> str:
    """The text with ``[redacted]`` in place of each secret."""
    for secret in _SECRETS if _SUSPECT.search(text) else ():
        text = secret.sub(rf"\g<kept>{REDACTED}", text)
    return text


def _told(name: object, value: object) -> object:
    return REDACTED if _SECRET_NAMES.search(_text(name)) else _redacted(value)


def _redacted(value: object) -> object:
    match value:
        case None | bool() | int() | float():
            return value
        case Mapping():
            return {without_secrets(_text(name)): _told(name, each) for name, each in value.items()}
        case (str() | bytes() as name, each):  # as headers are listed
            return [_redacted(name), _told(name, each)]
        case list() | tuple() | set() | frozenset():
            return [_redacted(each) for each in value]
    return without_secrets(_text(value))


def _text(value: object) -> str:
    match value:
        case str():
            return value
        case bytes():
            return value.decode("latin-1")
    return repr(value)
