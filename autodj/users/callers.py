"""Good tokens, remembered: checking a signature costs more than the rest of a busy answer."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from autodj.users.tokens import Audience, Bearer, verify

MAX_TOKENS = 4096


class Callers:
    """Whose tokens they are, until they end.

    Only tokens that we have signed ourselves are remembered, so nobody can fill the memory
    with others. Tokens cannot be taken back before their end, hence nothing else ends them
    here. ``clock`` gives Unix seconds.
    """

    def __init__(
        self, secret: str, *, clock: Callable[[], float], max_tokens: int = MAX_TOKENS
    ) -> None:
        self._secret = secret
        self._clock = clock
        self._max_tokens = max_tokens
        self._known: dict[str, Bearer] = {}

    def known(self, token: str, audience: Audience) -> Bearer | None:
        """Whose token it is if it was verified before and has not ended."""
        bearer = self._known.get(token)
        if bearer is None or bearer.audience is not audience:
            return None
        return bearer if self._clock() < bearer.ends_at_s else None

    def verify(self, token: str, audience: Audience) -> UUID:
        """Whose token it is; Unauthenticated for anything but our own, whole and in time."""
        bearer = self.known(token, audience)
        if bearer is None:
            bearer = verify(self._secret, token, audience)
            if len(self._known) >= self._max_tokens:
                del self._known[next(iter(self._known))]  # the oldest; it is verified anew
            self._known[token] = bearer
        return bearer.user_id

    def __len__(self) -> int:
        return len(self._known)
