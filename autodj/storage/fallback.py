"""The same thing asked of several places in turn, and which of them it came from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

import structlog

from autodj.errors import AutodjError, ObjectArchived, ObjectNotFound, StoreError, Unavailable

log = structlog.get_logger(__name__)

Found = TypeVar("Found")

# Everything else is a mistake of whoever asks, and would be one in the next place too.
PASSED_OVER: Final = (ObjectNotFound, ObjectArchived, StoreError, Unavailable)


@dataclass(frozen=True, slots=True)
class FromPlace(Generic[Found]):
    """What was found, and in which place. ``passed_over`` has, in order, why those before it
    did not have it.
    """

    found: Found
    place: str
    passed_over: Mapping[str, AutodjError] = field(default_factory=dict, hash=False)

    @property
    def fell_back(self) -> bool:
        return bool(self.passed_over)

    def marks(self) -> dict[str, object]:
        """For the answer to whoever asked: the source, and why it is not the first one."""
        told = {"source": self.place, "fallback": self.fell_back}
        codes = {place: error.code for place, error in self.passed_over.items()}
        return told | ({"passed_over": codes} if codes else {})


async def first_of(
    places: Mapping[str, Callable[[], Awaitable[Found]]], *, what: str = ""
) -> FromPlace[Found]:
    """Ask the places in their order until one has it.

    When none has, the error is ObjectNotFound only if every place was asked and said so: what
    could not be asked may have it, and then its own error is raised.
    """
    passed_over: dict[str, AutodjError] = {}
    for place, ask in places.items():
        try:
            found = await ask()
        except PASSED_OVER as error:
            passed_over[place] = error
            continue
        if passed_over:
            codes = {name: error.code for name, error in passed_over.items()}
            log.warning("storage_fallback", what=what, source=place, passed_over=codes)
        return FromPlace(found, place, passed_over)
    failures = [each for each in passed_over.values() if not isinstance(each, ObjectNotFound)]
    missing = [*passed_over.values(), ObjectNotFound(f"There is no place to look for {what}.")]
    raise (failures or missing)[0]
