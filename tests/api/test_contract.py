"""The document and the router are made of the same declarations, and say the same."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from starlette.routing import Route

from autodj import errors
from autodj.api.app import OPERATIONS, create_app
from autodj.api.contract import LINK_CODES, Access
from autodj.api.openapi import openapi_document
from autodj.api.problems import MEDIA_TYPE
from autodj.api.schemas.replies import Problem
from autodj.errors import AudioRejected, AutodjError
from autodj.guard import refusals
from autodj.guard.refusals import Refusal
from tests.api.stage import PUBLIC_URL, Stage

DOCUMENT = openapi_document(OPERATIONS, server=PUBLIC_URL)


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def kinds(root: type[AutodjError] = AutodjError) -> Iterator[type[AutodjError]]:
    yield root
    for each in root.__subclasses__():
        yield from kinds(each)


def references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def test_the_document_is_valid_openapi() -> None:
    OpenAPIV31SpecValidator(DOCUMENT).validate()


def test_the_server_hands_out_this_document(stage: Stage) -> None:
    answer = stage.client.get("/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == json.loads(json.dumps(DOCUMENT))


def test_the_document_lists_the_methods_of_the_router_and_no_other(stage: Stage) -> None:
    routed = set()
    for route in create_app(stage.settings).routes:
        assert isinstance(route, Route)
        path = re.sub(r"\{(\w+):\w+\}", r"{\1}", route.path)
        routed |= {(method, path) for method in route.methods or ()}
    documented = {(method, path) for method, path, _ in operations()}
    # HTTP gives every GET a HEAD; it is documented where it does something of its own.
    implied = {("HEAD", path) for method, path in documented if method == "GET"}
    assert routed == documented | implied


def test_every_path_is_routed_once() -> None:
    declared = [(each.method, each.plain_path) for each in OPERATIONS]
    assert len(declared) == len(set(declared))
    names = [each.name for each in OPERATIONS]
    assert len(names) == len(set(names))


def test_every_documented_code_is_one_that_an_error_carries() -> None:
    known = {kind.code for kind in kinds()} | {*LINK_CODES, *AudioRejected.HINTS}
    documented = {
        code
        for *_, operation in operations()
        for response in operation["responses"].values()
        for code in response.get("x-codes", ())
    }
    assert documented <= known
    assert {"not_found", "unauthenticated", "link_expired", "source_unreadable"} <= documented


def test_every_error_of_ours_is_named_in_one_place() -> None:
    ours = {kind.__name__ for kind in kinds() if kind.__module__.startswith("autodj.errors.")}
    assert ours == set(errors.__all__)


def test_every_refusal_is_documented_as_a_problem() -> None:
    for method, path, operation in operations():
        for status, response in operation["responses"].items():
            if status >= "400" and (path, status) not in {("/login", "401"), ("/readyz", "503")}:
                assert MEDIA_TYPE in response["content"], (method, path, status)


def test_every_reference_leads_to_a_schema_and_every_schema_is_referred_to() -> None:
    named = {reference.removeprefix("#/components/schemas/") for reference in references(DOCUMENT)}
    assert named == set(DOCUMENT["components"]["schemas"])


def test_what_the_guard_tells_is_documented_and_is_a_problem_like_any_other() -> None:
    told = [each for each in vars(refusals).values() if isinstance(each, Refusal) and each.status]
    assert {each.status for each in told} >= {400, 408, 431, 503}
    for refusal in told:
        head, _, body = refusal.encoded([]).partition(b"\r\n\r\n")
        problem = Problem.model_validate_json(body, strict=True)
        assert head.startswith(b"HTTP/1.1 %d " % problem.status)
        assert (problem.status, problem.detail) == (refusal.status, refusal.detail)
        assert problem.title
        assert problem.hint
        for method, path, operation in operations():
            told_of = operation["responses"]["default"]["x-codes"]
            assert problem.code in told_of, (method, path)


def test_what_nobody_foresaw_is_documented() -> None:
    for method, path, operation in operations():
        assert "internal" in operation["responses"]["default"]["x-codes"], (method, path)


def test_the_token_of_a_login_link_is_documented() -> None:
    parameters = DOCUMENT["paths"]["/login"]["get"]["parameters"]
    assert [(each["name"], each["in"]) for each in parameters] == [("t", "query")]


@pytest.mark.parametrize("access", Access)
def test_the_document_says_who_may_call(access: Access) -> None:
    ways: dict[Access, list[object]] = {
        Access.OPEN: [],
        Access.OPTIONAL: [{}, {"bearer": []}, {"session": []}],
        Access.REQUIRED: [{"bearer": []}, {"session": []}],
    }
    for each in OPERATIONS:
        if each.access is access:
            described = DOCUMENT["paths"][each.plain_path][each.method.lower()]
            assert described["security"] == ways[access]
            assert ("401" in described["responses"]) == (
                access is not Access.OPEN or each.name == "login"
            )
