"""Into the page with a one-time link, and out again."""

from __future__ import annotations

from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from autodj.api.auth import SESSION_COOKIE, SESSION_TTL_S, find_page_user, new_session
from autodj.api.contract import Access, Answer, operation
from autodj.api.state import web_of
from autodj.errors import CrossSite, DatabaseUnavailable, MethodNotAllowed, Unauthenticated
from autodj.settings import Settings
from autodj.users.login import accept_login

TAG = "Login"
NOT_KEPT = {"Cache-Control": "no-store"}
MAX_TOKEN_CHARS = 200
REFUSAL = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>autodj: this link does not open</title>
<link rel="icon" href="/static/favicon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/static/tokens.css">
<link rel="stylesheet" href="/static/docs.css">
</head>
<body>
<main>
<h1>This link does not open</h1>
<p>{detail}. A login link works once and for fifteen minutes.</p>
<p>Run <code>autodj login</code> on the machine of the server and open the link it prints.</p>
</main>
</body>
</html>
"""


@operation(
    "GET",
    "/login",
    summary="Open the page with a one-time link",
    tag=TAG,
    access=Access.OPEN,
    about="The link comes from `autodj login`.",
    loose_query={"t": "The token of the link."},
    answers=(
        Answer(303, "Welcome", headers={"Location": "The page.", "Set-Cookie": "The session."}),
        Answer(401, "The link is used up, over or not ours", media_type="text/html"),
    ),
    errors=(DatabaseUnavailable,),
)
async def login(request: Request) -> Response:
    if request.method == "HEAD":
        # Whoever only looks must not use the link up.
        raise MethodNotAllowed(headers={"Allow": "GET"})
    runtime = web_of(request).runtime
    try:
        token = request.query_params.get("t", "")[:MAX_TOKEN_CHARS]
        user_id = await accept_login(runtime.db, token)
    except Unauthenticated as error:
        return HTMLResponse(
            REFUSAL.format(detail=escape(error.detail)), status_code=401, headers=NOT_KEPT
        )
    response = RedirectResponse("/", status_code=303, headers=NOT_KEPT)
    _set_session(response, runtime.settings, new_session(runtime.settings, user_id), SESSION_TTL_S)
    return response


@operation(
    "POST",
    "/logout",
    summary="Forget the page's session",
    tag=TAG,
    access=Access.OPEN,
    answers=(Answer(204, "The cookie is cleared"),),
    errors=(CrossSite,),
)
async def logout(request: Request) -> Response:
    settings = web_of(request).runtime.settings
    find_page_user(request)  # refuses what another site has sent
    response = Response(status_code=204, headers=NOT_KEPT)
    _set_session(response, settings, "", 0)
    return response


def _set_session(response: Response, settings: Settings, value: str, max_age_s: int) -> None:
    response.set_cookie(
        SESSION_COOKIE,
        value,
        max_age=max_age_s,
        path="/",
        secure=settings.public_url.startswith("https://"),
        httponly=True,
        samesite="strict",
    )


OPERATIONS = (login, logout)
