from __future__ import annotations

from pathlib import Path

import pytest

from autodj.cli.environment import EmbeddedS3, laptop_environment, settings_in
from autodj.cli.house import Plan
from autodj.errors import CommandError
from autodj.laptop.keys import LaptopKeys, laptop_keys
from autodj.settings import Settings, load

EMBEDDED = EmbeddedS3(
    "http://127.0.0.1:20001", "us-east-1", "http://localhost:20002", "http://127.0.0.1:20003"
)
OWN_SECRET = "0123456789abcdefghijklmnopqrstuvwxyz"
SOMEBODYS_ACCOUNT = {
    "AWS_STORAGE_BUCKET_NAME": "somebodys-bucket",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "AKIASOMEBODY",
    "AWS_SECRET_ACCESS_KEY": "somebodys",
    "AWS_SESSION_TOKEN": "somebodys",
    "S3_USE_IAM_ROLE": "true",
    "S3_PREFIX": "somewhere/",
    "CLOUDFRONT_DOMAIN": "d111111abcdef8.cloudfront.net",
}


@pytest.fixture
def keys(tmp_path: Path) -> LaptopKeys:
    return laptop_keys(tmp_path)


def environment(
    keys: LaptopKeys, inherited: dict[str, str], *, s3: EmbeddedS3 | None = None
) -> dict[str, str]:
    return laptop_environment(
        inherited,
        keys,
        data_dir=Path("/data"),
        public_url="http://127.0.0.1:9000",
        broker_url="redis://127.0.0.1:20000/0",
        s3=s3,
    )


def settings(
    keys: LaptopKeys, inherited: dict[str, str], *, s3: EmbeddedS3 | None = None
) -> Settings:
    return load(environment(keys, inherited, s3=s3))


def test_without_s3_everything_is_under_the_data_folder(keys: LaptopKeys) -> None:
    told = settings(keys, {"PATH": "/bin"})
    assert told.secret == keys.app_secret
    assert told.public_url == "http://127.0.0.1:9000"
    assert told.redis_url == "redis://127.0.0.1:20000/0"
    assert told.database_url == "sqlite+aiosqlite:////data/autodj.db"
    assert told.media_root == Path("/data/media")
    assert told.publish_to == "local"
    assert told.s3.bucket is None
    assert told.cdn.origin is None


def test_with_s3_tracks_go_to_the_embedded_server_and_its_signing_edge(keys: LaptopKeys) -> None:
    told = settings(keys, {}, s3=EMBEDDED)
    assert told.publish_to == "s3"
    assert told.s3.endpoint_url == EMBEDDED.endpoint_url
    assert (told.s3.bucket, told.s3.path_style) == ("autodj", True)
    assert (told.s3.access_key, told.s3.secret_key) == (keys.s3_access_key, keys.s3_secret_key)
    assert (told.cdn.origin, told.cdn.hash) == (EMBEDDED.edge_url, "SHA256")
    assert (told.cdn.distribution_id, told.cdn.api_url) == ("EAUTODJLAPTOP", EMBEDDED.control_url)
    assert told.cdn.key_pair_id == keys.cdn_key_pair_id
    assert told.cdn.private_key == keys.cdn_private_key_pem
    assert told.clean_grace_s == 60


def test_nothing_of_somebodys_account_reaches_the_embedded_parts(keys: LaptopKeys) -> None:
    assert settings(keys, SOMEBODYS_ACCOUNT, s3=EMBEDDED) == settings(keys, {}, s3=EMBEDDED)


def test_what_was_set_on_purpose_is_kept(keys: LaptopKeys) -> None:
    told = settings(
        keys,
        {"AUTODJ_SECRET": OWN_SECRET, "MAX_TRACK_BYTES": "5000000", "CLEAN_GRACE_S": "5"},
        s3=EMBEDDED,
    )
    assert told.secret == OWN_SECRET
    assert told.limits.max_track_bytes == 5_000_000
    assert told.clean_grace_s == 5


def test_other_variables_are_passed_on(keys: LaptopKeys) -> None:
    assert environment(keys, {"PATH": "/bin", "LANG": "C"})["PATH"] == "/bin"


def test_other_variables_are_not_kept_on_disk(keys: LaptopKeys) -> None:
    kept = settings_in(environment(keys, {"OTHER_TOKEN": "x", **SOMEBODYS_ACCOUNT}))
    assert "OTHER_TOKEN" not in kept
    assert kept["AWS_STORAGE_BUCKET_NAME"] == "somebodys-bucket"
    assert load(kept).secret == keys.app_secret


@pytest.mark.parametrize(
    ("asked", "inherited", "used_before", "embeds"),
    [
        (True, {}, False, True),
        (False, {}, False, False),
        (False, {}, True, True),
        (False, {"S3_BUCKET_NAME": "own"}, True, False),
    ],
)
def test_the_s3_server_runs_where_tracks_already_lie_on_it(
    tmp_path: Path, inherited: dict[str, str], *, asked: bool, used_before: bool, embeds: bool
) -> None:
    if used_before:
        (tmp_path / "s3").mkdir()
    assert Plan(tmp_path, 8000, with_s3=asked, inherited=inherited).embeds_s3 is embeds


def test_an_environment_for_production_is_refused(keys: LaptopKeys) -> None:
    with pytest.raises(CommandError, match="AUTODJ_ENV is production"):
        environment(keys, {"AUTODJ_ENV": "production"})
