"""The answer to a ListObjectsV2, read without the client's general parser.

That walks every value of a thousand objects through the service's model; here
the few values that a list tells are taken straight from the tree. What does not look as expected
is left to the client, whose word for it then holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from types_aiobotocore_s3.client import S3Client

_EMPTY: Final = b"<ListBucketResult/>"
_TRUTHS: Final = {"true": True, "false": False}


def read_lists_quickly(client: S3Client) -> None:
    # Last: by then the client has looked for errors in answers that say 200.
    client.meta.events.register_last(
        "before-parse.s3.ListObjectsV2", _listed, unique_id="autodj-lists"
    )


def _listed(
    *, response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: object
) -> None:
    if response_dict["status_code"] != HTTPStatus.OK:
        return
    try:
        found = parsed(response_dict["body"])
    except (ET.ParseError, KeyError, TypeError, ValueError):
        return
    customized_response_dict.update(found)
    response_dict["body"] = _EMPTY


def parsed(body: bytes) -> Mapping[str, Any]:
    """The answer under the names and in the types of the client.

    ParseError, KeyError, TypeError or ValueError when it is not what S3 says.
    """
    root = ET.fromstring(body)  # noqa: S314 - as the client does; its expat bounds entities
    space, brace, name = root.tag.rpartition("}")
    if name != "ListBucketResult":
        raise ValueError(name)
    ours = f"{space}{brace}"
    found: dict[str, Any] = {
        "Contents": list(_objects(root, ours)),
        "CommonPrefixes": [
            {"Prefix": prefix}
            for each in root.iter(f"{ours}CommonPrefixes")
            if (prefix := each.findtext(f"{ours}Prefix"))
        ],
        "IsTruncated": _TRUTHS[root.findtext(f"{ours}IsTruncated", "").lower()],
    }
    for told in ("NextContinuationToken", "EncodingType"):
        text = root.findtext(f"{ours}{told}")
        if text:
            found[told] = text
    return found


def _objects(root: ET.Element, ours: str) -> Iterator[Mapping[str, Any]]:
    key, size, modified, tag = (f"{ours}{name}" for name in ("Key", "Size", "LastModified", "ETag"))
    for each in root.iter(f"{ours}Contents"):
        text = each.findtext
        name, etag = text(key), text(tag)
        if not name or not etag:
            raise KeyError(name or key)
        yield {
            "Key": name,
            "Size": int(text(size, "")),
            "LastModified": datetime.fromisoformat(text(modified, "")),
            "ETag": etag,
        }
