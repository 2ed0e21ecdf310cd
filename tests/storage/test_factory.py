"""Stores made of plain mappings, and baskets opened together."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest

from autodj.errors import SettingsError, StorageConfigError
from autodj.settings.baskets import Basket, Baskets, Kind
from autodj.storage.baskets import open_stores
from autodj.storage.factory import basket_from, create_storage
from autodj.storage.local import LocalStorage
from autodj.storage.s3 import S3Config, S3Storage
from tests.storage.builders import KEY, put, read

BODY = b"0123456789"


def described(config: S3Config) -> dict[str, object]:
    return {
        "type": "s3",
        "bucket": config.bucket,
        "region": config.region,
        "prefix": config.prefix,
        "access_key": config.access_key,
        "secret_key": config.secret_key,
        "endpoint_url": config.endpoint_url,
        "path_style": True,
        "storage_class": "STANDARD",
        "encryption": {"type": "none"},
    }


async def test_a_mapping_makes_a_store_in_a_bucket(moto: S3Storage, moto_config: S3Config) -> None:
    async with create_storage(described(moto_config), environ={}) as store:
        await put(store, KEY, BODY)

    assert await read(moto, KEY) == BODY


async def test_the_section_of_the_file_does_as_well(moto: S3Storage, moto_config: S3Config) -> None:
    s3 = described(moto_config)
    del s3["type"]
    s3["secret_key"] = "${THE_SECRET}"
    for config in (
        {"default_type": "s3", "s3": s3},
        {"storage": {"default_type": "s3", "s3": s3}},
    ):
        async with create_storage(config, environ={"THE_SECRET": "any"}) as store:
            await put(store, KEY, BODY)
        assert await read(moto, KEY) == BODY


@pytest.mark.parametrize(
    "words", [{"type": "local", "root": ""}, {"type": "filesystem", "path": ""}]
)
async def test_a_mapping_makes_a_store_in_a_directory(
    tmp_path: Path, words: dict[str, str]
) -> None:
    config = {name: value or str(tmp_path) for name, value in words.items()}

    async with create_storage(config, environ={}) as store:
        assert isinstance(store, LocalStorage)
        await put(store, KEY, BODY)

    assert (tmp_path / KEY).read_bytes() == BODY


@pytest.mark.parametrize(
    ("config", "faults"),
    [
        ({"type": "s3"}, ["S3 bucket name is required"]),
        ({"type": "s3", "bucket": "A"},
         ["bucket: must be a bucket name: 3 to 63 of a-z 0-9 - and single dots"]),
        ({"type": "s4", "bucket": "fine"}, ["type: must be s3 or local"]),
        ({"bucket": "fine", "bukket": "x"}, ["bukket is unknown; did you mean bucket?"]),
        (
            {"bucket": "fine", "encryption": {"type": "SSE-KMS"}},
            ["encryption.kms_key_id: is required for SSE-KMS"],
        ),
        (
            {"type": "s3", "access_key": "HIDDEN", "max_retries": -1},
            [
                "max_retries: must be a whole number from 0 to 10",
                "S3 bucket name is required",
                "secret_key: is missing, and access_key is set",
            ],
        ),
        ({"storage": {"default_type": "s3"}}, ["storage.s3: S3 bucket name is required"]),
        ({"storage": {"default_type": "local"}, "stroage": {}},
         ["stroage is unknown; did you mean storage?"]),
        ({"type": ["s3"], "bucket": "fine"}, ["type: must be s3 or local"]),
        ({1: 2}, ["must be names with values"]),
        ({"s3": {"bucket": "${NONE}"}, "default_type": "s3"},
         ["s3.bucket: needs NONE, which is not set", "s3: S3 bucket name is required"]),
    ],
)  # fmt: skip
def test_faults_are_listed_at_once_before_anything_is_opened(
    config: dict[str, object], faults: list[str]
) -> None:
    with pytest.raises(StorageConfigError) as caught:
        create_storage(config, environ={})

    assert list(caught.value.faults) == faults
    assert isinstance(caught.value, ValueError | SettingsError)
    assert isinstance(caught.value, ValueError)
    assert "HIDDEN" not in str(caught.value)


def test_faults_of_the_environment_are_listed_with_those_of_the_mapping() -> None:
    with pytest.raises(StorageConfigError) as caught:
        create_storage({"type": "s3"}, environ={"S3_MAX_RETRIES": "HIDDEN"})

    assert list(caught.value.faults) == [
        "S3_MAX_RETRIES must be a whole number from 0 to 10",
        "S3 bucket name is required",
    ]


@pytest.mark.parametrize("words", [{}, {"type": None}, {"type": ""}])
def test_a_type_that_is_not_said_is_that_of_the_environment(words: dict[str, object]) -> None:
    environ = {"FILE_STORAGE_TYPE": "s3", "S3_BUCKET_NAME": "music"}

    assert basket_from(words, environ).type == "s3"
    assert basket_from({**words, "bucket": "fine"}, {}).type == "s3"
    assert basket_from(words, {}).type == "local"


def test_the_positional_form_works_with_a_warning() -> None:
    with pytest.warns(DeprecationWarning, match="deprecated"):
        create_storage("fine-bucket", "AK", "SK", "eu-west-1", environ={})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        create_storage({"bucket": "fine-bucket"}, environ={})


def test_what_is_not_said_comes_from_the_environment() -> None:
    environ = {
        "AWS_ACCESS_KEY_ID": "AK",
        "AWS_SECRET_ACCESS_KEY": "SK",
        "AWS_SESSION_TOKEN": "ST",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "S3_BUCKET_NAME": "from-environment",
        "FILE_STORAGE_TYPE": "s3",
    }
    found = basket_from({}, environ).s3
    explicit = basket_from({"bucket": "said", "region": "us-east-1"}, environ).s3

    assert found is not None
    assert explicit is not None
    assert (found.bucket, found.region, found.session_token) == (
        "from-environment", "eu-west-1", "ST",
    )  # fmt: skip
    # A region that is said is not overridden, even where it is the usual one.
    assert (explicit.bucket, explicit.region) == ("said", "us-east-1")


async def test_each_kind_finds_its_open_store(tmp_path: Path) -> None:
    baskets = Baskets(
        {
            "default": Basket("default", root=tmp_path / "all"),
            "papers": Basket("papers", root=tmp_path / "papers", versioning=True),
        },
        {Kind.DOCUMENTS: "papers"},
    )
    mine = LocalStorage(tmp_path / "mine")
    async with open_stores(baskets, {"default": mine}) as stores:
        documents: Any = stores.of(Kind.DOCUMENTS)

        assert stores.of(Kind.TRACKS) is mine
        assert (documents.root, documents.versioned) == (tmp_path / "papers", True)
        assert documents.basket == "papers"
