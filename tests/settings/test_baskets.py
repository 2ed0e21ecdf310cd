"""The YAML file of baskets: what it may say, and how it says no."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from autodj.errors import SettingsError
from autodj.settings import Settings, load
from autodj.settings.baskets import Basket, Kind
from autodj.settings.encryption import Encryption
from autodj.settings.interpolation import interpolated

SECRET = {"AUTODJ_SECRET": "q8Zr3vN0tYx7LmC2sKd9WbE5hUjP1aGf"}
KEY = base64.b64encode(bytes(range(32))).decode()

SEED = """
storage:
  default_type: s3
  s3:
    bucket: docex-bucket
    region: us-east-1
    prefix: docex/  # Optional prefix for all keys
    access_key: ${AWS_ACCESS_KEY_ID}
    secret_key: ${AWS_SECRET_ACCESS_KEY}
    storage_class: STANDARD
    encryption:
      type: SSE-S3
      kms_key_id: null  # Required for SSE-KMS
    multipart_threshold: 5242880
    max_retries: 3
    retry_delay: 1.0
"""

MANY = """
storage:
  default_type: s3
  s3:
    bucket: music
    region: eu-central-1
    expected_bucket_owner: "123456789012"
  baskets:
    tracks:
      kinds: [tracks, renditions]
      prefix: audio
      storage_class: INTELLIGENT_TIERING
      cdn_domain: d111111abcdef8.cloudfront.net
      max_object_bytes: 209715200
    secret:
      kinds: materials
      bucket: materials
      access_key: AKMATERIALS
      secret_key: ${MATERIALS_SECRET:-fallback}
      encryption: {type: SSE-C, customer_key: "${CUSTOMER_KEY}"}
    documents:
      type: local
      root: /var/lib/autodj/documents
      kinds: [documents]
      versioning: true
      retention_days: 365
"""


def loaded(tmp_path: Path, text: str, **environ: str) -> Settings:
    file = tmp_path / "storage.yaml"
    file.write_text(text)
    return load(SECRET | {"STORAGE_CONFIG": str(file)} | environ)


def faults_of(tmp_path: Path, text: str, **environ: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        loaded(tmp_path, text, **environ)
    return list(caught.value.faults)


def test_the_seeds_file_is_understood_word_for_word(tmp_path: Path) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "SK"}
    settings = loaded(tmp_path, SEED, **keys)

    assert settings.baskets is not None
    basket = settings.baskets.of(Kind.DOCUMENTS)
    assert basket == settings.baskets.of(Kind.TRACKS)
    assert basket.s3 is not None
    assert (basket.s3.bucket, basket.s3.region, basket.s3.prefix) == (
        "docex-bucket", "us-east-1", "docex/",
    )  # fmt: skip
    assert (basket.s3.access_key, basket.s3.secret_key) == ("AK", "SK")
    assert (basket.storage_class, basket.encryption) == ("STANDARD", Encryption("SSE-S3"))
    assert (basket.s3.multipart_bytes, basket.s3.max_retries, basket.s3.retry_delay_s) == (
        5242880, 3, 1.0,
    )  # fmt: skip
    assert (settings.publish_to, settings.s3) == ("s3", basket.s3)


def test_baskets_take_over_what_they_do_not_say(tmp_path: Path) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "B", "AWS_SESSION_TOKEN": "T"}
    settings = loaded(tmp_path, MANY, CUSTOMER_KEY=KEY, **keys)
    tracks, secret, documents, other = map(
        settings.baskets.of, (Kind.RENDITIONS, Kind.MATERIALS, Kind.DOCUMENTS, Kind.AVATARS)
    )

    assert tracks.s3 is not None
    assert secret.s3 is not None
    assert (tracks.name, tracks.s3.bucket, tracks.s3.prefix) == ("tracks", "music", "audio/")
    assert tracks.s3.session_token == "T"
    assert tracks.storage_class == "INTELLIGENT_TIERING"
    assert (secret.s3.region, secret.s3.bucket) == ("eu-central-1", "materials")
    assert secret.s3.expected_bucket_owner == "123456789012"
    # Keys of one account are never completed with the token of another.
    assert (secret.s3.access_key, secret.s3.secret_key) == ("AKMATERIALS", "fallback")
    assert secret.s3.session_token is None
    assert secret.encryption == Encryption("SSE-C", customer_key=bytes(range(32)))
    assert (secret.needs_proxy, tracks.needs_proxy) == (True, False)
    assert (documents.root, documents.versioning) == (Path("/var/lib/autodj/documents"), True)
    assert (other.name, other.type) == ("default", "s3")
    assert settings.cdn.origin == "https://d111111abcdef8.cloudfront.net"
    assert settings.s3 == tracks.s3


KEYS = "access_key: A, secret_key: SA, session_token: TA"


@pytest.mark.parametrize(
    ("shared", "own", "expected"),
    [
        (KEYS, "access_key: B, secret_key: SB", ("B", "SB", None, None, False)),
        (KEYS, "profile: studio", (None, None, None, "studio", False)),
        (KEYS, "bucket: other", ("A", "SA", "TA", None, False)),
        ("profile: studio", KEYS, ("A", "SA", "TA", None, False)),
        ("use_iam_role: true", KEYS, ("A", "SA", "TA", None, False)),
        ("use_iam_role: true", "profile: studio", (None, None, None, "studio", False)),
        (KEYS, "use_iam_role: false", ("A", "SA", "TA", None, False)),
    ],
)
def test_a_basket_that_names_credentials_takes_over_none(
    tmp_path: Path, shared: str, own: str, expected: tuple[object, ...]
) -> None:
    section = f"default_type: s3, s3: {{bucket: music, {shared}}}"
    found = loaded(tmp_path, f"storage: {{{section}, baskets: {{own: {{{own}}}}}}}")
    s3 = found.baskets.by_name["own"].s3

    assert s3 is not None
    assert expected == (
        s3.access_key, s3.secret_key, s3.session_token, s3.profile, s3.use_iam_role
    )  # fmt: skip


def test_keys_are_completed_with_nothing_of_somebody_else(tmp_path: Path) -> None:
    text = f"""
storage:
  default_type: s3
  s3: {{bucket: music, {KEYS}}}
  baskets:
    half: {{access_key: B}}
    token: {{session_token: TB}}
"""
    environ = {"AWS_ACCESS_KEY_ID": "E", "AWS_SECRET_ACCESS_KEY": "SE"}

    assert faults_of(tmp_path, text, **environ) == [
        "storage.baskets.half.secret_key: is missing, and access_key is set",
        "storage.baskets.token.access_key: is missing, and session_token is set",
    ]


def test_a_folder_of_its_own_goes_before_the_shared_one_under_either_name(tmp_path: Path) -> None:
    text = (
        "storage: {default_type: local, local: {path: /srv/all}, baskets: {own: {root: /srv/own}}}"
    )
    twice = "storage: {default_type: local, local: {path: /srv/all, root: /srv/own}}"

    assert loaded(tmp_path, text).baskets.by_name["own"].root == Path("/srv/own")
    assert faults_of(tmp_path, twice) == ["storage.local.path: and root disagree; set one of them"]


def test_a_prefix_that_is_said_to_be_none_is_none(tmp_path: Path) -> None:
    text = """
storage:
  default_type: s3
  s3: {bucket: music}
  baskets:
    top: {prefix: ""}
"""
    baskets = loaded(tmp_path, text, S3_PREFIX="prod/").baskets.by_name

    assert [each.s3 and each.s3.prefix for each in baskets.values()] == ["prod/", ""]


@pytest.mark.parametrize("prefix", ["..", "a/../b", "./a", "a/.", "a/" * 401, "/"])
def test_a_prefix_that_no_key_can_follow_is_a_fault(tmp_path: Path, prefix: str) -> None:
    text = f"storage: {{default_type: s3, s3: {{bucket: music, prefix: {prefix}}}}}"
    plain = "storage: {default_type: s3, s3: {bucket: music}}"

    assert [each[:19] for each in faults_of(tmp_path, text)] == ["storage.s3.prefix: "]
    assert [each[:10] for each in faults_of(tmp_path, plain, S3_PREFIX=prefix)] == ["S3_PREFIX "]


@pytest.mark.parametrize("prefix", ["a..b/", ".../a", ".hidden", "a/" * 400])
def test_dots_are_letters_elsewhere(tmp_path: Path, prefix: str) -> None:
    text = f"storage: {{default_type: s3, s3: {{bucket: music, prefix: {prefix}}}}}"

    assert loaded(tmp_path, text).s3.prefix == f"{prefix.strip('/')}/"


def test_without_a_file_there_is_one_basket_as_the_environment_says(tmp_path: Path) -> None:
    local = load(SECRET | {"MEDIA_ROOT": str(tmp_path)})
    bucket = load(SECRET | {"FILE_STORAGE_TYPE": "s3", "S3_BUCKET_NAME": "music",
                            "S3_STORAGE_CLASS": "STANDARD_IA", "S3_SSE": "aws:kms",
                            "S3_SSE_KMS_KEY_ID": "alias/x"})  # fmt: skip

    assert local.baskets.of(Kind.TRACKS) == Basket("default", root=tmp_path)
    assert local.baskets.of(Kind.DOCUMENTS).versioning
    assert not local.baskets.of(Kind.TRACKS).versioning
    found = bucket.baskets.of(Kind.TRACKS)
    assert found.s3 == bucket.s3
    assert found.storage_class == "STANDARD_IA"
    assert found.encryption == Encryption("SSE-KMS", kms_key_id="alias/x")


def test_what_the_file_says_goes_over_the_environment(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path,
        "storage: {s3: {bucket: from-file, region: us-east-1}, default_type: s3}",
        S3_BUCKET_NAME="from-environment",
        AWS_DEFAULT_REGION="eu-west-1",
        S3_SSE="none",
    )

    assert (settings.s3.bucket, settings.s3.region) == ("from-file", "us-east-1")
    assert settings.baskets.of(Kind.TRACKS).encryption == Encryption("none")


def test_every_fault_is_listed_at_once_and_no_value_is_shown(tmp_path: Path) -> None:
    text = """
storage:
  default_type: s4
  s3:
    buket: HIDDEN1
    region: HIDDEN 2
    secret_key: HIDDEN3
    storage_class: HIDDEN4
    endpoint_url: http://hidden5.example.org
    encryption: {type: SSE-KMS, key: HIDDEN6}
  baskets:
    one: {type: s3, bucket: HIDDEN7.., kinds: [trakcs, covers]}
    two: {type: local, kinds: [covers], prefix: HIDDEN8, encryption: {type: SSE-C}}
    three: {type: s3, bucket: fine, encryption: {type: SSE-C, customer_key: HIDDEN9}}
    four: HIDDEN
    five: {type: s3, bucket: fine, access_key: "${NOT_SET}", max_retries: HIDDEN}
"""
    faults = faults_of(tmp_path, text, S3_BUCKET_NAME="", FILE_STORAGE_TYPE="s3")

    assert not [fault for fault in faults if "HIDDEN" in fault or "hidden" in fault]
    expected = [
        "storage.default_type: must be s3 or local",
        "storage.s3: buket is unknown; did you mean bucket?",
        "storage.s3: S3 bucket name is required",
        "storage.s3.region: must be a region such as eu-central-1",
        "storage.s3.access_key: is missing, and secret_key is set",
        "storage.s3.endpoint_url: may be plain http only on this machine",
        "storage.s3.encryption: key is unknown",
        "storage.s3.encryption.kms_key_id: is required for SSE-KMS",
        "storage.s3.storage_class: must be STANDARD or",
        "storage.baskets.one.bucket: must be a bucket name",
        "storage.baskets.one.kinds: trakcs is unknown; did you mean tracks?",
        "storage.baskets.two.kinds: covers goes into one already",
        "storage.baskets.two: prefix is unknown",
        "storage.baskets.two: encryption is unknown",
        "storage.baskets.three.encryption.customer_key: must be 32 bytes in base64",
        "storage.baskets.four: must be names with values",
        "storage.baskets.five.max_retries: must be a whole number from 0 to 10",
        "storage.baskets.five.access_key: needs NOT_SET, which is not set",
    ]
    for each in expected:
        assert [fault for fault in faults if fault.startswith(each)], (each, faults)


MISTYPED = "region: EU 1, max_retries: -1, storage_class: COLD, encryption: {type: SSE-KMS}"


@pytest.mark.parametrize("type_", ["s4", "local"])
def test_what_no_basket_takes_over_is_looked_at_all_the_same(tmp_path: Path, type_: str) -> None:
    text = f"storage: {{default_type: {type_}, s3: {{bukket: music, {MISTYPED}}}}}"
    faults = faults_of(tmp_path, text, S3_BUCKET_NAME="")

    expected = [
        "storage.s3: bukket is unknown; did you mean bucket?",
        "storage.s3.encryption.kms_key_id: is required for SSE-KMS",
        "storage.s3.max_retries: must be a whole number from 0 to 10",
        "storage.s3.region: must be a region such as eu-central-1",
        "storage.s3.storage_class: must be STANDARD or",
    ]
    for each in expected:
        assert [fault for fault in faults if fault.startswith(each)], (each, faults)
    of_the_default = {
        "storage.default_type: must be s3 or local", "storage.s3: S3 bucket name is required"
    }  # fmt: skip
    assert of_the_default & {*faults} == (of_the_default if type_ == "s4" else set())


def test_a_bucket_that_nobody_uses_need_not_be_named(tmp_path: Path) -> None:
    text = "storage: {default_type: local, s3: {bucket: '${MUSIC:-}', region: eu-west-1}}"

    assert loaded(tmp_path, text, S3_BUCKET_NAME="").baskets.of(Kind.TRACKS).type == "local"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("storage: [", "STORAGE_CONFIG is no YAML (line 1)"),
        ("x: 1", "STORAGE_CONFIG must hold one section, storage"),
        ("", "STORAGE_CONFIG must hold one section, storage"),
        ("storage: 5", "storage: must be names with values"),
        ("storage: {1: 2}", "storage: must be names with values"),
        ("!!python/object/apply:os.system ['x']", "STORAGE_CONFIG is no YAML (line 1)"),
        ("storage:\n  s3: {}\n  s3: {}", "STORAGE_CONFIG says a name twice (line 3)"),
        (
            "storage: {baskets: {a: {kinds: tracks}, a: {kinds: covers}}}",
            "STORAGE_CONFIG says a name twice (line 1)",
        ),
    ],
)
def test_a_file_that_is_none_is_a_fault(tmp_path: Path, text: str, expected: str) -> None:
    assert expected in faults_of(tmp_path, text)


def test_a_file_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load(SECRET | {"STORAGE_CONFIG": str(tmp_path / "none.yaml")})


def test_production_insists_on_https_in_every_basket(tmp_path: Path) -> None:
    text = """
storage:
  default_type: s3
  s3: {bucket: music}
  baskets: {covers: {kinds: [covers], endpoint_url: "http://127.0.0.1:9000"}}
"""
    environ = {"AUTODJ_ENV": "production", "AUTODJ_PUBLIC_URL": "https://dj.example.org"}

    assert "storage.baskets.covers.endpoint_url: must be https in production" in faults_of(
        tmp_path, text, **environ
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${A}", "a"),
        ("x${A}y${B}z", "xaybz"),
        ("${NONE:-d}", "d"),
        ("${NONE:-}", ""),
        ("${EMPTY:-d}", "d"),
        ("$${A}", "${A}"),
        ("$A ${ A }", "$A ${ A }"),
        ("${A:-d}", "a"),
        ("${TRICKY}", "b\nstorage: {}"),
    ],
)
def test_references_are_filled_in(text: str, expected: str) -> None:
    environ = {"A": "a", "B": "b", "EMPTY": "", "TRICKY": "b\nstorage: {}"}
    faults: list[str] = []

    assert interpolated({"k": [text, 5, None]}, environ, faults) == {"k": [expected, 5, None]}
    assert faults == []


def test_what_is_kept_long_enough_is_over() -> None:
    now = datetime(2026, 11, 21, tzinfo=UTC)
    basket = Basket("b", retention_days=30)

    assert not basket.is_over(now - timedelta(days=30), now)
    assert basket.is_over(now - timedelta(days=30, seconds=1), now)
    assert not Basket("b").is_over(now - timedelta(days=9999), now)


def test_secrets_are_in_no_representation(tmp_path: Path) -> None:
    settings = loaded(tmp_path, MANY, CUSTOMER_KEY=KEY)
    shown: Any = repr(settings) + repr(settings.baskets)

    assert "fallback" not in shown
    assert KEY not in shown
    assert repr(bytes(range(32))) not in shown
