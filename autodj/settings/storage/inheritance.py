"""What a basket takes over from the section of its type."""

from __future__ import annotations

from typing import Final

from autodj.settings.storage.tree import Tree

KEYS: Final = frozenset({"access_key", "secret_key", "session_token", "profile"})
ROOTS: Final = frozenset({"root", "path"})


def taken_over(shared: Tree, own: Tree) -> dict[str, object]:
    """``own`` over ``shared``. Whoever names credentials takes over none of somebody else, nor
    the choice of a role instead; the folder has two names.
    """
    replaced: set[str] = set()
    if KEYS & own.keys():
        replaced |= {*KEYS, "use_iam_role"}
    if ROOTS & own.keys():
        replaced |= ROOTS
    return {**{word: value for word, value in shared.items() if word not in replaced}, **own}
