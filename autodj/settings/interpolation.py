"""``${NAME}`` and ``${NAME:-default}`` in the texts of a configuration file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_REFERENCE: Final = re.compile(r"\$(?:\$|\{(?P<name>[A-Za-z_]\w*)(?::-(?P<default>[^}]*))?\})")


def interpolated(
    value: object, environ: Mapping[str, str], faults: list[str], where: str = ""
) -> object:
    """The value with every text in it filled in; ``$$`` is a dollar sign.

    A name that is not set and has no default is a fault, told with the place it is used in.
    Values are filled in after the file was parsed, so that none can change its structure.
    """
    match value:
        case str():
            return _filled(value, environ, faults, where)
        case dict():
            return {
                key: interpolated(each, environ, faults, f"{where}.{key}" if where else str(key))
                for key, each in value.items()
            }
        case list():
            return [interpolated(each, environ, faults, where) for each in value]
        case _:
            return value


def _filled(text: str, environ: Mapping[str, str], faults: list[str], where: str) -> str:
    def found(match: re.Match[str]) -> str:
        name = match["name"]
        if name is None:
            return "$"
        if environ.get(name):
            return environ[name]
        if match["default"] is None:
            faults.append(f"{where}: needs {name}, which is not set")
        return match["default"] or ""

    return _REFERENCE.sub(found, text)
