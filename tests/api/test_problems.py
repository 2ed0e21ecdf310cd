from __future__ import annotations

import json

import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from autodj.api.problems import PROBLEM_HANDLERS
from autodj.errors import (
    AutodjError,
    InvalidField,
    StoreDenied,
    StoreThrottled,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
)

SECRET = "password=hunter2"
RAISED: dict[str, Exception] = {
    "field": InvalidField("Bad.", errors=[{"pointer": "/a", "detail": "is missing"}]),
    "unauthenticated": Unauthenticated(),
    "busy": TooManyRequests(),
    "later": Unavailable("Wait.", retry_after_s=7),
    "throttled": StoreThrottled(),
    "denied": StoreDenied("The store said no."),
    "teapot": HTTPException(418, detail="short and stout"),
    "old": HTTPException(404, detail="elsewhere"),
    "crash": RuntimeError(SECRET),
    "surrogate": InvalidField("\ud800 \0 \u202e"),
}


async def raising(request: Request) -> Response:
    raise RAISED[request.path_params["name"]]


async def reading(_: Request) -> Response:
    return PlainTextResponse("read")


@pytest.fixture
def client() -> TestClient:
    app = Starlette(
        routes=[Route("/raise/{name}", raising), Route("/read", reading, methods=["GET", "PUT"])],
        exception_handlers=PROBLEM_HANDLERS,
    )
    return TestClient(app, raise_server_exceptions=False)


@pytest.mark.parametrize(
    ("name", "status", "code", "headers"),
    [
        ("field", 422, "invalid_field", {}),
        ("unauthenticated", 401, "unauthenticated", {"www-authenticate": 'Bearer realm="autodj"'}),
        ("busy", 429, "too_many_requests", {"retry-after": "5"}),
        ("later", 503, "unavailable", {"retry-after": "7"}),
        ("throttled", 503, "store_throttled", {"retry-after": "5"}),
        ("denied", 502, "store_denied", {}),
        ("teapot", 418, "i_m_a_teapot", {}),
        ("old", 404, "not_found", {}),
        ("crash", 500, "internal", {}),
        ("surrogate", 422, "invalid_field", {}),
    ],
)
def test_every_error_is_one_kind_of_document(
    name: str, status: int, code: str, headers: dict[str, str], client: TestClient
) -> None:
    answer = client.get(f"/raise/{name}?Signature=secret")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert {key: answer.headers.get(key) for key in headers} == headers
    problem = answer.json()
    assert problem["status"] == status
    assert problem["code"] == code
    assert problem["instance"] == f"/raise/{name}"
    assert {"type", "title", "detail", "hint", "request_id"} <= problem.keys()


def test_the_members_of_an_error_reach_the_document(client: TestClient) -> None:
    problem = client.get("/raise/field").json()
    assert problem["detail"] == "Bad."
    assert problem["errors"] == [{"pointer": "/a", "detail": "is missing"}]
    assert problem["type"] == "urn:autodj:problem:invalid_field"


def test_an_unforeseen_error_tells_the_client_nothing_and_the_log_everything(
    client: TestClient,
) -> None:
    with capture_logs() as logged:
        answer = client.get("/raise/crash")
    assert "hunter2" not in answer.text
    assert "RuntimeError" not in answer.text
    [line] = [entry for entry in logged if entry["event"] == "request_crashed"]
    assert str(line["exc_info"]) == SECRET


def test_a_lasting_store_failure_is_logged_with_its_trace_and_a_passing_one_without(
    client: TestClient,
) -> None:
    with capture_logs() as logged:
        client.get("/raise/denied")
        client.get("/raise/throttled")
        client.get("/raise/field")
    assert [(line["code"], line["exc_info"] is None) for line in logged] == [
        ("store_denied", False),
        ("store_throttled", True),
    ]


def test_an_unknown_address_is_a_problem(client: TestClient) -> None:
    answer = client.get("/nowhere/%00%ff/..%2f?x=1")
    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"
    assert answer.json()["instance"].isascii()
    assert "?" not in answer.json()["instance"]


@pytest.mark.parametrize("method", ["DELETE", "TRACE", "BREW"])
def test_an_unknown_method_is_told_the_known_ones(method: str, client: TestClient) -> None:
    answer = client.request(method, "/read")
    assert answer.status_code == 405
    assert answer.json()["code"] == "method_not_allowed"
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD", "PUT"}


def test_the_root_of_the_tree_is_a_safe_500() -> None:
    assert json.loads(json.dumps(AutodjError().problem()))["status"] == 500
