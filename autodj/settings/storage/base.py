"""Where a basket starts from: what the environment says of stores."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from autodj.settings.encryption import TYPE_BY_NAME, Encryption
from autodj.settings.s3 import S3Settings

if TYPE_CHECKING:
    from autodj.settings.model import Settings


@dataclass(frozen=True, slots=True)
class Base:
    s3: S3Settings
    media_root: Path
    default_type: str
    production: bool = False

    @property
    def encryption(self) -> Encryption:
        return Encryption(
            TYPE_BY_NAME[self.s3.sse or "none"],
            kms_key_id=self.s3.kms_key_id,
            customer_key=self.s3.customer_key,
        )


def base_of(settings: Settings) -> Base:
    return Base(settings.s3, settings.media_root, settings.publish_to, settings.production)
