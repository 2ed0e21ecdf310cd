"""The root of the tree: what every error says, and how it is written as a problem."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class AutodjError(Exception):
    """The root. ``detail`` is a sentence for people; ``extra`` holds further problem members."""

    status: ClassVar[int] = 500
    code: str = "internal"
    title: ClassVar[str] = "Something went wrong inside autodj"
    hint: str = "Try again; if it keeps failing, report the request id."
    transient: ClassVar[bool] = False

    def __init__(
        self,
        detail: str = "",
        *,
        hint: str | None = None,
        headers: Mapping[str, str] | None = None,
        **extra: object,
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.headers = dict(headers or {})
        self.extra = extra
        if hint is not None:
            self.hint = hint

    def problem(self) -> dict[str, object]:
        """The RFC 9457 members that do not depend on the request."""
        return {
            "type": f"urn:autodj:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "hint": self.hint,
            **self.extra,
        }
