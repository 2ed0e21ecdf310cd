"""What the parts of a laptop installation are told: settings as environment variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from autodj.errors import CommandError
from autodj.laptop.keys import LaptopKeys
from autodj.settings.catalogue import SETTINGS

BUCKET: Final = "autodj"
DISTRIBUTION_ID: Final = "EAUTODJLAPTOP"
# Every request for a local track comes through our own redirect, so nobody holds a link to the
# old copy for longer than one answer takes.
CLEAN_GRACE_S: Final = 60


@dataclass(frozen=True, slots=True)
class EmbeddedS3:
    """Addresses of the S3 server, of the edge in front of it, and of where that takes
    invalidations.
    """

    endpoint_url: str
    region: str
    edge_url: str
    control_url: str


def laptop_environment(
    inherited: Mapping[str, str],
    keys: LaptopKeys,
    *,
    data_dir: Path,
    public_url: str,
    broker_url: str,
    s3: EmbeddedS3 | None,
) -> dict[str, str]:
    """What was inherited, overlaid with what this installation decides.

    A setting that is decided here loses its aliases, or the two would disagree. CommandError
    for an environment that is meant for production.
    """
    if inherited.get("AUTODJ_ENV", "").strip() == "production":
        raise CommandError(
            "AUTODJ_ENV is production, and this command runs everything on one machine",
            hint="Unset it, or start the processes of the Procfile instead.",
        )
    own = {
        "AUTODJ_DATA_DIR": str(data_dir),
        "AUTODJ_PUBLIC_URL": public_url,
        "REDIS_URL": broker_url,
    }
    if s3 is not None:
        own |= _s3_environment(keys, s3)
    defaults = {
        "AUTODJ_SECRET": keys.app_secret,
        "LOG_FORMAT": "text",
        **({"CLEAN_GRACE_S": str(CLEAN_GRACE_S)} if s3 else {}),
    }
    given = {name: value for name, value in inherited.items() if value.strip()}
    decided = {name for setting in SETTINGS if setting.name in own for name in setting.names}
    kept = {name: value for name, value in given.items() if name not in decided}
    return {**defaults, **kept, **own}


def settings_in(environ: Mapping[str, str]) -> dict[str, str]:
    """The settings of autodj alone: what else somebody's environment holds is not ours to keep."""
    names = {name for setting in SETTINGS for name in setting.names}
    return {name: value for name, value in environ.items() if name in names}


def _s3_environment(keys: LaptopKeys, s3: EmbeddedS3) -> dict[str, str]:
    """Every setting about S3 and the CDN, so that none of somebody's account is mixed in."""
    return {
        "FILE_STORAGE_TYPE": "s3",
        "S3_BUCKET_NAME": BUCKET,
        "AWS_REGION": s3.region,
        "AWS_ACCESS_KEY_ID": keys.s3_access_key,
        "AWS_SECRET_ACCESS_KEY": keys.s3_secret_key,
        "AWS_SESSION_TOKEN": "",
        "S3_USE_IAM_ROLE": "false",
        "S3_ENDPOINT_URL": s3.endpoint_url,
        "S3_PREFIX": "",
        "S3_EXPECTED_BUCKET_OWNER": "",
        "S3_SSE": "AES256",
        "S3_PATH_STYLE": "true",
        "CLOUDFRONT_DOMAIN": s3.edge_url,
        "CLOUDFRONT_KEY_PAIR_ID": keys.cdn_key_pair_id,
        "CLOUDFRONT_PRIVATE_KEY": keys.cdn_private_key_pem,
        "CLOUDFRONT_SECOND_KEY_PAIR_ID": "",
        "CLOUDFRONT_SECOND_PRIVATE_KEY": "",
        "CLOUDFRONT_HASH": "SHA256",
        "CLOUDFRONT_PUBLIC_LINKS": "true",
        "CLOUDFRONT_DISTRIBUTION_ID": DISTRIBUTION_ID,
        "CLOUDFRONT_API_URL": s3.control_url,
    }
