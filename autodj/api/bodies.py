"""Reading what a request carries: its JSON strictly, its query, and any body within a bound."""

from __future__ import annotations

import json
import math
import re
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import NoReturn, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request

from autodj.api.contract import JSON
from autodj.errors import InvalidField, InvalidJson, InvalidRequest, TooLarge, UnsupportedMedia

MAX_JSON_BYTES = 256 * 1024
_MAX_ERRORS = 20
_MAX_POINTER_CHARS = 200
# JSON can write both; no database and no file name can hold them.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

NOT_TEXT = "holds a character that is not text"

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Fault:
    """One value that may not be, by its path in the body."""

    path: tuple[str | int, ...]
    detail: str


def invalid(faults: Sequence[Fault]) -> InvalidField:
    """The error for these values; pointers are RFC 6901, cut where a hostile name is long."""
    return InvalidField(
        f"{len(faults)} of the values cannot be accepted.",
        errors=[
            {"pointer": _pointer(fault.path), "detail": fault.detail}
            for fault in faults[:_MAX_ERRORS]
        ],
    )


async def bounded_stream(request: Request, *, max_bytes: int) -> AsyncGenerator[bytes]:
    """The body in pieces. TooLarge before reading when more is declared, or on the piece that
    goes over; InvalidRequest when the client leaves before the end.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > max_bytes:
        raise _too_large(max_bytes)
    received = 0
    try:
        async with aclosing(request.stream()) as pieces:
            async for piece in pieces:
                received += len(piece)
                if received > max_bytes:
                    raise _too_large(max_bytes)
                yield piece
    except ClientDisconnect as error:
        raise InvalidRequest("The body ended before the length it declared.") from error


async def read_json(request: Request) -> object:
    """The JSON value of the body; UnsupportedMedia, TooLarge, InvalidJson or InvalidField."""
    media_type, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = parameters.strip().lower().replace('"', "")
    if media_type.strip().lower() != JSON or charset not in {"", "charset=utf-8"}:
        raise UnsupportedMedia(f"The body must be {JSON} in UTF-8.", hint=f"Send {JSON}.")
    pieces = bounded_stream(request, max_bytes=MAX_JSON_BYTES)
    async with aclosing(pieces):
        return parse_json(b"".join([piece async for piece in pieces]))


def parse_json(raw: bytes) -> object:
    """Strict JSON: UTF-8, finite numbers, no key twice, nothing that cannot be stored."""
    try:
        value: object = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_not_finite,
            parse_float=_finite,
        )
    except json.JSONDecodeError as error:
        raise InvalidJson(f"Not JSON at character {error.pos}: {error.msg}.") from error
    except UnicodeDecodeError as error:
        raise InvalidJson(f"Not UTF-8 at byte {error.start}.") from error
    except (ValueError, RecursionError) as error:
        raise InvalidJson("A number is too long or the nesting too deep.") from error
    if faults := [Fault(path, NOT_TEXT) for path in _unstorable(value)]:
        raise invalid(faults)
    return value


def parse_model(model: type[Model], data: object) -> Model:
    """The value as a model, or InvalidField with ``errors`` of pointer and detail.

    Unknown members and members of another type are errors; nothing is converted but what
    JSON cannot say itself (times, ids, enumerations).
    """
    try:
        # Only the JSON mode is strict about types and still reads times and ids from strings.
        return model.model_validate_json(json.dumps(data), strict=True, extra="forbid")
    except ValidationError as error:
        raise invalid(_faults(error)) from error


def parse_query(model: type[Model], request: Request) -> Model:
    """The query parameters as a model; an unknown or repeated one is an InvalidField.

    A parameter whose field is a list may be repeated.
    """
    values: dict[str, object] = {}
    faults: list[Fault] = []
    for name in request.query_params:
        given = request.query_params.getlist(name)
        field = model.model_fields.get(name)
        many = field is not None and _is_list(field.annotation)
        values[name] = given if many else given[0]
        if not many and len(given) > 1:
            faults.append(Fault((name,), "is given more than once"))
        if any(map(_UNSTORABLE.search, (name, *given))):
            faults.append(Fault((name,), NOT_TEXT))
    if faults:
        raise invalid(faults)
    try:
        return model.model_validate(values, extra="forbid")
    except ValidationError as error:
        raise invalid(_faults(error)) from error


def _pointer(path: Sequence[str | int]) -> str:
    steps = (str(step).replace("~", "~0").replace("/", "~1") for step in path)
    return "".join(f"/{step}" for step in steps)[:_MAX_POINTER_CHARS]


def _faults(error: ValidationError) -> list[Fault]:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return [Fault(item["loc"], item["msg"]) for item in found]


def _too_large(max_bytes: int) -> TooLarge:
    return TooLarge(f"The body is larger than {max_bytes} bytes.", max_bytes=max_bytes)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise InvalidJson("An object names the same member twice.")
    return members


def _finite(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _not_finite(digits)


def _not_finite(_: str) -> NoReturn:
    raise InvalidJson("A number is not finite.")


def _unstorable(value: object) -> Iterator[tuple[str | int, ...]]:
    """Paths of names and texts with characters that cannot be kept; no recursion, for the
    nesting is the client's.
    """
    waiting: list[tuple[tuple[str | int, ...], object]] = [((), value)]
    while waiting:
        path, item = waiting.pop()
        if isinstance(item, str) and _UNSTORABLE.search(item):
            yield path
        elif isinstance(item, list):
            waiting.extend(((*path, index), member) for index, member in enumerate(item))
        elif isinstance(item, dict):
            waiting.extend(((*path, name), member) for name, member in item.items())
            yield from ((*path, name) for name in item if _UNSTORABLE.search(name))


def _is_list(annotation: object) -> bool:
    return get_origin(annotation) is list or any(map(_is_list, get_args(annotation)))
