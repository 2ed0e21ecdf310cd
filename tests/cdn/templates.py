"""Choices to try, and ways to look into the documents that are made of them."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, product
from typing import Any

from hypothesis import strategies as st

from autodj.cdn.template.choices import Choices, Held

# Throw-away keys, fixed so that names in tables stay the same.
SIGNING_KEY = """-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEpH4ArOTIDYq9JQF49Zj7CeQ5Kfmx
NZ7m6NUHmbYArx5rXKn9FJbSY/lT+7HyNgOCdLc7aINcpD91QYyTnOqQYw==
-----END PUBLIC KEY-----
"""
RETIRING_KEY = """-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEw/PiEC6Znu12I2tWDdJVJA9quBqd
ZoMXFrWdjnVdbyqOYhgqzzlu6ZDnzyv1k8slWYmR4icGcFpcw+5SRoqv/A==
-----END PUBLIC KEY-----
"""
SIGNING, RETIRING = "aab47071493e", "ebe9d416a377"
CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/0b7a5a0c-2f1c-4a0e-9d3c-5a1f0c8f4e11"
KMS_KEY = "arn:aws:kms:eu-central-1:123456789012:key/1f0c8f4e-0b7a-4a0e-9d3c-5a1f2f1c5a0c"
STANDARD = Choices(bucket="music", public_keys=(SIGNING_KEY, RETIRING_KEY))

# What each choice may be: every pair of values from here is tried together at least once.
ALTERNATIVES: Mapping[str, Sequence[Any]] = {
    "public_keys": ((SIGNING_KEY, RETIRING_KEY), (SIGNING_KEY,), ()),
    "bucket_kind": (
        {},
        {"kms_key": "new"},
        {"kms_key": KMS_KEY},
        {"existing_bucket": True},
        {"existing_bucket": True, "kms_key": KMS_KEY},
    ),
    "prefix": ("", "audio/", "a/b.c/"),
    "names": ({}, {"domain": "cdn.example.com", "certificate_arn": CERTIFICATE}),
    "hash": ("SHA256", "SHA1"),
    "logs": (True, False),
    "versioning": (True, False),
    "tiering": (False, True),
    "price_class": ("100", "200", "All"),
    "origin_shield": (None, "eu-central-1"),
    "error_cache_s": (1, 0, 10),
    "ipv6": (True, False),
    "metrics": (False, True),
    "extras": (
        frozenset(),
        frozenset({"uploads"}),
        frozenset({"versions", "restore", "tags", "public-links"}),
    ),
    "web": (Held(), Held(roles=("web",)), Held(users=("ada",))),
    "worker": (Held(), Held(roles=("worker", "spare"), users=("bob",))),
    "operator": (Held(), Held(users=("eve",))),
}


def made(values: Mapping[str, Any]) -> Choices:
    """Choices from one value of each alternative."""
    given = dict(values)
    given |= {**given.pop("bucket_kind", {}), **given.pop("names", {})}
    if not given.get("public_keys"):
        given["extras"] = given["extras"] - {"public-links"}
    return Choices(bucket="music", **given)


CHOICES = st.fixed_dictionaries(
    {name: st.sampled_from(values) for name, values in ALTERNATIVES.items()}
).map(made)


def pairwise() -> list[Choices]:
    """Few choices in which every two alternatives meet: greedy, and the same each time."""
    names = list(ALTERNATIVES)
    missing = {
        ((a, i), (b, j))
        for a, b in combinations(names, 2)
        for i, j in product(range(len(ALTERNATIVES[a])), range(len(ALTERNATIVES[b])))
    }
    found = []
    while missing:
        row: dict[str, int] = dict(min(missing))
        for name in (each for each in names if each not in row):
            row[name] = max(
                range(len(ALTERNATIVES[name])),
                key=lambda index: _new_pairs(row, name, index, missing),
            )
        missing -= set(_pairs(row, names))
        found.append(made({name: ALTERNATIVES[name][index] for name, index in row.items()}))
    return found


def _pairs(row: Mapping[str, int], names: Sequence[str]) -> Iterator[Any]:
    for a, b in combinations(names, 2):
        yield ((a, row[a]), (b, row[b]))


def _new_pairs(row: Mapping[str, int], name: str, index: int, missing: set[Any]) -> int:
    order = list(ALTERNATIVES)
    return sum(
        tuple(sorted(((name, index), (other, value)), key=lambda each: order.index(each[0])))
        in missing
        for other, value in row.items()
    )


def resolved(document: Any) -> Any:
    """A CloudFormation document with its references as text: ``<Name>``, ``<Name.Attribute>``."""
    if isinstance(document, Mapping):
        match dict(document):
            case {"Ref": str(name)}:
                return f"<{name}>"
            case {"Fn::GetAtt": [name, attribute]}:
                return f"<{name}.{attribute}>"
            case {"Fn::Sub": str(text)}:
                return re.sub(r"\$\{([^}]+)\}", r"<\1>", text)
        return {name: resolved(value) for name, value in document.items()}
    if isinstance(document, list):
        return [resolved(value) for value in document]
    return document


def unfolded(document: Any) -> Any:
    """A Terraform document with the JSON inside its policies as JSON again."""
    if isinstance(document, Mapping):
        return {name: unfolded(value) for name, value in document.items()}
    if isinstance(document, list):
        return [unfolded(value) for value in document]
    if isinstance(document, str) and document.startswith("{"):
        return json.loads(document)
    return document


def at(document: Any, path: str) -> Any:
    """What is at the path, such as ``Bucket.Properties``; ``[x]`` finds by Sid, Id or place.

    KeyError where there is nothing.
    """
    for step in re.findall(r"\[[^]]+\]|[^.\[]+", path):
        inside = step.startswith("[")
        document = _member(document, step[1:-1]) if inside else document[step]
    return document


def _member(members: Sequence[Any], name: str) -> Any:
    for place, member in enumerate(members):
        if name in {str(place), *(str(member.get(key)) for key in ("Sid", "Id", "id"))}:
            return member
    raise KeyError(name)


def leaves(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value that holds no other."""
    members = (
        document.items()
        if isinstance(document, Mapping)
        else enumerate(document)
        if isinstance(document, list)
        else ()
    )
    found = False
    for name, member in members:
        found = True
        yield from leaves(member, (*path, name))
    if not found:
        yield path


def without(document: Any, path: tuple[Any, ...]) -> Any:
    """A copy that lacks what is at the path."""
    changed = copy.deepcopy(document)
    holder = changed
    for step in path[:-1]:
        holder = holder[step]
    del holder[path[-1]]
    return changed
