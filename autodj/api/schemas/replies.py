"""What every body that leaves the server has in common."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response


class Reply(BaseModel):
    """A response body. Every field is always present, so all of them are required to readers."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)


class Problem(Reply):
    """A refusal (RFC 9457). Some codes bring further members."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["urn:autodj:problem:not_found"])
    title: str
    status: int
    detail: str
    code: str
    hint: str = Field(description="What a person can do about it.")
    instance: str | None = Field(
        description="The path that was asked for; null where nobody came to read it."
    )
    request_id: str | None


def json_response(
    body: Reply, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """The model as JSON."""
    return Response(
        body.model_dump_json(), status_code=status, media_type="application/json", headers=headers
    )
