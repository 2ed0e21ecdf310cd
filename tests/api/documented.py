"""A client that takes no answer from the application but those that its document tells of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from httpx2 import Request, Response
from starlette.testclient import TestClient

from autodj.api.app import OPERATIONS
from autodj.api.openapi import openapi_document
from autodj.api.problems import MEDIA_TYPE

# These come of the address, or of what nobody foresaw; their codes are told for all at once.
ANYWHERE = frozenset({HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.INTERNAL_SERVER_ERROR})
CONVERTERS = {"path": r".+", "uuid": r"[0-9a-f-]{36}", "str": r"[^/]+"}
RESPONSES: Mapping[str, Any] = openapi_document(OPERATIONS, server="")["paths"]


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{\w+:?(\w*)\\}", lambda m: CONVERTERS[m[1] or "str"], path))


PATTERNS = {each.plain_path: _pattern(re.escape(each.path)) for each in OPERATIONS}


def undocumented(answer: Response) -> str | None:
    """What the document does not say of the answer."""
    path, method = answer.request.url.path, answer.request.method.lower()
    found = next((plain for plain, each in PATTERNS.items() if each.fullmatch(path)), None)
    if found is None:
        return None
    methods = RESPONSES[found]
    [any_other, *_] = methods.values()
    responses = methods.get(method, methods["get"] if method == "head" else any_other)["responses"]
    anything = responses.get("default") if answer.status_code in ANYWHERE else None
    told = responses.get(str(answer.status_code), anything)
    if told is None:
        return f"{method} {found} is not said to answer {answer.status_code}"
    media_type = answer.headers.get("content-type", "").partition(";")[0]
    if media_type == MEDIA_TYPE and method != "head":
        code = answer.json()["code"]
        return None if code in told["x-codes"] else f"{method} {found} is not said to tell {code}"
    return _other_type(media_type, told.get("content", {}))


def _other_type(media_type: str, content: Mapping[str, object]) -> str | None:
    kind = media_type.partition("/")[0]
    if not media_type or {media_type, f"{kind}/*", "*/*"} & content.keys():
        return None
    return f"{media_type} is none of {[*content]}"


class Documented(TestClient):
    def send(self, request: Request, **options: Any) -> Response:
        answer = super().send(request, **options)
        if not options.get("stream"):
            fault = undocumented(answer)
            assert fault is None, fault
        return answer
