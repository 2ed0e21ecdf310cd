"""Lists read quickly say what the client's own parser says."""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape

import botocore.session
import pytest
from botocore.parsers import RestXMLParser
from hypothesis import given
from hypothesis import strategies as st

from autodj.storage.s3.listed import parsed

SHAPE: Any = (
    botocore.session.get_session()
    .get_service_model("s3")
    .operation_model("ListObjectsV2")
    .output_shape
)
SPACE = ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
TOLD = ("Contents", "CommonPrefixes", "IsTruncated", "NextContinuationToken", "EncodingType")
OURS = ("Key", "Size", "LastModified", "ETag")

texts = st.text(min_size=1, max_size=20).filter(
    lambda text: text.isprintable() and text.strip() == text
)


def by_the_client(body: bytes) -> dict[str, Any]:
    answer = {"body": body, "headers": {}, "status_code": 200}
    whole = RestXMLParser().parse(answer, SHAPE)
    found = {name: whole[name] for name in TOLD if name in whole}
    found["Contents"] = [{name: each[name] for name in OURS} for each in found.get("Contents", ())]
    return {"CommonPrefixes": [], **found}


def listed(
    objects: str, more: str = "<IsTruncated>false</IsTruncated>", space: str = SPACE
) -> bytes:
    document = f"<ListBucketResult{space}>{more}{objects}</ListBucketResult>"
    return f"<?xml version='1.0'?>\n{document}".encode()


def an_object(key: str, size: object = 7, modified: str = "2026-11-21T18:40:17.123Z") -> str:
    return (
        f"<Contents><Owner><ID>1</ID></Owner><ETag>&quot;{'0' * 32}&quot;</ETag>"
        f"<Key>{escape(key)}</Key><ChecksumAlgorithm>CRC32</ChecksumAlgorithm>"
        f"<LastModified>{modified}</LastModified><Size>{size}</Size></Contents>\n"
    )


@given(
    keys=st.lists(texts, max_size=4),
    size=st.integers(0, 5 * 1024**4),
    token=texts,
    prefixes=st.lists(texts, max_size=2),
    space=st.sampled_from([SPACE, ""]),
)
def test_a_list_is_what_the_client_would_have_read(
    keys: list[str], size: int, token: str, prefixes: list[str], space: str
) -> None:
    more = (
        f"<IsTruncated>true</IsTruncated><EncodingType>url</EncodingType>"
        f"<NextContinuationToken>{escape(token)}</NextContinuationToken>"
        + "".join(
            f"<CommonPrefixes><Prefix>{escape(each)}</Prefix></CommonPrefixes>" for each in prefixes
        )
    )
    body = listed("".join(an_object(key, size) for key in keys), more, space)

    assert dict(parsed(body)) == by_the_client(body)


@pytest.mark.parametrize("modified", ["2026-11-21T18:40:17Z", "2026-11-21T18:40:17.000Z"])
def test_times_are_the_same_instants(modified: str) -> None:
    body = listed(an_object("a", 1, modified))
    assert parsed(body)["Contents"] == by_the_client(body)["Contents"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<ListBucketResult>",
        b"<Error><Code>InternalError</Code></Error>",
        listed("", more=""),
        listed("<Contents><Key>a</Key></Contents>"),
        listed(an_object("a", size="many")),
        listed(an_object("a", modified="yesterday")),
        listed(an_object("")),
    ],
)
def test_what_is_no_list_is_left_to_the_client(body: bytes) -> None:
    with pytest.raises((SyntaxError, KeyError, TypeError, ValueError)):
        parsed(body)
