"""Reading a parsed file by name; every fault is told with the place it stands at."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from autodj.settings.storage.words import Readers

Tree = Mapping[str, object]


def values_in(given: Tree, readers: Readers, where: str, faults: list[str]) -> dict[str, object]:
    """What is said of each word, by the field that it sets; what is not said is left out."""
    found: dict[str, object] = {}
    for word, (name, parse) in readers.items():
        text = text_of(given.get(word))
        if not text:
            continue
        try:
            found[name] = parse(text)
        except ValueError as error:
            faults.append(told(where, word, str(error)))
    return found


def check_names(given: Tree, known: Iterable[str], where: str, faults: list[str]) -> None:
    names = [*known]
    faults += [told(where, "", unknown_name(each, names)) for each in given if each not in names]


def unknown_name(name: str, known: list[str]) -> str:
    close = get_close_matches(name, known, n=1)
    shown = name if re.fullmatch(r"[\w.-]{1,64}", name) else "a name there"
    return f"{shown} is unknown" + (f"; did you mean {close[0]}?" if close else "")


def mapping_in(given: object, where: str, faults: list[str]) -> Tree:
    if given is None:
        return {}
    if isinstance(given, Mapping) and all(isinstance(name, str) for name in given):
        return given
    faults.append(told(where, "", "must be names with values"))
    return {}


def text_of(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str() | int() | float():
            return str(value).strip()
        case _:
            return "?"


def told(where: str, word: str, fault: str) -> str:
    place = at(where, word)
    return f"{place}: {fault}" if place else fault


def at(where: str, word: str) -> str:
    return f"{where}.{word}".strip(".")
