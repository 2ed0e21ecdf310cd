"""Whose keys the S3 store is asked with, as the doctor tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autodj.runtime import s3_config
from autodj.settings import Settings
from autodj.storage.s3.credentials import find_credentials

if TYPE_CHECKING:
    from autodj.storage.s3.credentials import CredentialsFound


async def credentials(settings: Settings) -> str:
    """The source that won, and the last four characters of the key's id: never more of it."""
    return told(await find_credentials(s3_config(settings)), settings.s3.profile)


def told(found: CredentialsFound, profile: str | None) -> str:
    """One line about them."""
    source = f"profile {profile or 'default'}" if found.source == "profile" else found.source
    if found.role_arn is not None:
        source = f"role {found.role_arn}, assumed with those of: {source}"
    if found.expires_at is None:
        life = "they do not expire"
    else:
        life = f"renewed before {found.expires_at:%Y-%m-%d %H:%M} UTC"
    return f"from: {source}; key …{found.key_tail}; {life}"
