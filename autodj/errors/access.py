"""Callers, links and cookies that open nothing."""

from __future__ import annotations

from autodj.errors.base import AutodjError


class Unauthenticated(AutodjError):
    status = 401
    code = "unauthenticated"
    title = "Who you are could not be established"
    hint = "Send a bearer token from `autodj token`, or open the link from `autodj login`."


class LinkRefused(AutodjError):
    """A signed link that may not be used. ``code`` names why: link_missing (no signature),
    link_expired, link_not_yet, link_tampered, link_unknown_key or link_wrong_address.
    """

    status = 403
    code = "link_refused"
    title = "This link may not be used"
    hint = "Ask /audio/url for a new link."

    def __init__(self, detail: str, *, code: str) -> None:
        super().__init__(detail)
        self.code = code


class CrossSite(AutodjError):
    """A cookie came with a change that our own page did not ask for."""

    status = 403
    code = "cross_site"
    title = "This request was made by another site"
    hint = "Programs send a bearer token from `autodj token` instead of the page's cookie."
