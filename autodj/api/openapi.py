"""The OpenAPI 3.1 document, made from the declared operations and the models they name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from importlib.metadata import version
from operator import or_
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from autodj.api.auth import SESSION_COOKIE
from autodj.api.contract import JSON, Access, Answer, Body, Operation, error_codes
from autodj.api.problems import MEDIA_TYPE
from autodj.api.schemas.replies import Problem
from autodj.errors import (
    AutodjError,
    InvalidRequest,
    MethodNotAllowed,
    RequestTimeout,
    Unavailable,
)

Document = dict[str, Any]

REFERENCE = "#/components/schemas/{model}"
PATH_SCHEMAS: Mapping[str, Document] = {
    "uuid": {"type": "string", "format": "uuid"},
    "path": {"type": "string"},
    "str": {"type": "string"},
}
SECURITY: Mapping[Access, list[Document]] = {
    Access.OPEN: [],
    Access.OPTIONAL: [{}, {"bearer": []}, {"session": []}],
    Access.REQUIRED: [{"bearer": []}, {"session": []}],
}
# Of no operation in particular: what nobody foresaw, and what the guard says of the request
# before anybody reads it.
ANYWHERE: tuple[type[AutodjError], ...] = (
    AutodjError,
    InvalidRequest,
    MethodNotAllowed,
    RequestTimeout,
    Unavailable,
)
ABOUT = """Tracks are added, analysed, published to S3 and played from the CDN.

Refusals are RFC 9457 problems; `code` is for programs and `hint` for people. Everything belongs
to somebody: what belongs to others answers 404. Times are RFC 3339 in UTC.
"""


def openapi_document(operations: Sequence[Operation], *, server: str) -> Document:
    """The whole document; ``server`` is where this API is reached."""
    schemas, queries = _schemas(operations)
    paths: dict[str, Document] = {}
    for each in operations:
        described = _operation(each, queries)
        paths.setdefault(each.plain_path, {})[each.method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {"title": "autodj", "version": version("autodj"), "description": ABOUT},
        "servers": [{"url": server}],
        "tags": [{"name": tag} for tag in dict.fromkeys(each.tag for each in operations)],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "session": {"type": "apiKey", "in": "cookie", "name": SESSION_COOKIE},
            },
        },
    }


def _schemas(
    operations: Iterable[Operation],
) -> tuple[Document, dict[type[BaseModel], Document]]:
    """All components, and the schemas of query models, which are parameters instead."""
    wanted: dict[tuple[type[BaseModel], Literal["validation", "serialization"]], None] = {
        (Problem, "serialization"): None
    }
    for each in operations:
        received = [each.query, *(body.model for body in each.bodies)]
        wanted |= {(model, "validation"): None for model in received if model}
        wanted |= {(answer.model, "serialization"): None for answer in each.answers if answer.model}
    _, definitions = models_json_schema(list(wanted), ref_template=REFERENCE)
    schemas: Document = definitions["$defs"]
    asked = {each.query for each in operations if each.query}
    queries = {model: schemas.pop(model.__name__) for model in asked}
    return schemas, queries


def _operation(each: Operation, queries: Mapping[type[BaseModel], Document]) -> Document:
    described: Document = {
        "operationId": each.name,
        "summary": each.summary,
        "tags": [each.tag],
        "security": SECURITY[each.access],
        "parameters": [*_parameters(each, queries)],
        "responses": _responses(each),
    }
    if each.about:
        described["description"] = each.about
    if each.bodies:
        content = reduce(or_, map(_request_content, each.bodies))
        described["requestBody"] = {"required": True, "content": content}
    return described


def _parameters(each: Operation, queries: Mapping[type[BaseModel], Document]) -> Iterable[Document]:
    for name, kind in each.path_parameters:
        yield {"name": name, "in": "path", "required": True, "schema": PATH_SCHEMAS[kind]}
    if each.query is not None:
        schema = queries[each.query]
        for name, property_schema in schema["properties"].items():
            yield {
                "name": name,
                "in": "query",
                "required": name in schema.get("required", ()),
                "schema": _without_null(property_schema),
                "description": property_schema.get("description", ""),
            }
    for place, named in (("query", each.loose_query), ("header", each.headers)):
        for name, about in named.items():
            yield {"name": name, "in": place, "schema": {"type": "string"}, "description": about}


def _without_null(schema: Document) -> Document:
    """A parameter that is not there is no null."""
    kept = {name: value for name, value in schema.items() if name not in {"description", "default"}}
    kinds = [kind for kind in kept.pop("anyOf", []) if kind != {"type": "null"}]
    if schema.get("default") is not None:
        kept["default"] = schema["default"]
    if len(kinds) == 1:
        return {**kinds[0], **kept}
    return kept | ({"anyOf": kinds} if kinds else {})


def _request_content(body: Body) -> Document:
    schema = _reference(body.model) if body.model else {"type": "string", "format": "binary"}
    described: Document = {"schema": schema}
    if body.about:
        described["x-about"] = body.about
    return {body.media_type: described}


def _responses(each: Operation) -> Document:
    responses: Document = {}
    for answer in each.answers:
        responses[str(answer.status)] = _response(answer)
    for status, kinds in _by_status(each.all_errors).items():
        refusal = _refusal(kinds)
        known = responses.setdefault(str(status), refusal)
        known["content"] = known.get("content", {}) | refusal["content"]
    responses["default"] = _refusal(ANYWHERE)
    return responses


def _response(answer: Answer) -> Document:
    described: Document = {"description": answer.about}
    if answer.model is not None:
        described["content"] = {JSON: {"schema": _reference(answer.model)}}
    elif answer.media_type is not None:
        described["content"] = {answer.media_type: {}}
    if answer.headers:
        described["headers"] = {
            name: {"description": about, "schema": {"type": "string"}}
            for name, about in answer.headers.items()
        }
    return described


def _refusal(kinds: Sequence[type[AutodjError]]) -> Document:
    codes = {code: kind for kind in kinds for code in error_codes(kind)}
    told = [f"`{code}`: {kind.title}." for code, kind in sorted(codes.items())]
    return {
        "description": " ".join(told),
        "content": {MEDIA_TYPE: {"schema": _reference(Problem)}},
        "x-codes": sorted(codes),
    }


def _by_status(kinds: Iterable[type[AutodjError]]) -> dict[int, list[type[AutodjError]]]:
    found: dict[int, list[type[AutodjError]]] = {}
    for kind in kinds:
        found.setdefault(kind.status, []).append(kind)
    return dict(sorted(found.items()))


def _reference(model: type[BaseModel]) -> Document:
    return {"$ref": REFERENCE.format(model=model.__name__)}
