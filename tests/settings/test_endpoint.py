"""An S3 server's address is taken without the bucket; with it, requests would go astray."""

from __future__ import annotations

import pytest

from autodj.errors import SettingsError, StorageConfigError
from autodj.settings import load
from autodj.storage.factory import basket_from

ENVIRON = {
    "AUTODJ_SECRET": "q8Zr3vN0tYx7LmC2sKd9WbE5hUjP1aGf",
    "FILE_STORAGE_TYPE": "s3",
    "S3_BUCKET_NAME": "crates",
}
IN_HOST = (
    "begins with the bucket: leave it and its dot away, the bucket is put there, or with path "
    "style behind the host, by itself"
)
IN_PATH = "has the bucket as its path: end it after the host, the bucket is put there by itself"


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("https://crates.s3.eu-central-1.amazonaws.com", IN_HOST),
        ("https://Crates.S3-eu-west-1.amazonaws.com/", IN_HOST),
        ("https://crates.s3.example.org:9000", IN_HOST),
        ("https://crates.0123abc.r2.cloudflarestorage.com", IN_HOST),
        ("https://crates.0123abc.eu.r2.cloudflarestorage.com", IN_HOST),
        ("https://crates.fra1.digitaloceanspaces.com", IN_HOST),
        ("https://crates.storage.googleapis.com", IN_HOST),
        ("https://0123abc.r2.cloudflarestorage.com/crates", IN_PATH),
        ("https://s3.example.org/crates/", IN_PATH),
        ("http://127.0.0.1:9000/crates", IN_PATH),
        ("https://s3.example.org/behind/crates", IN_PATH),
    ],
)
def test_an_address_that_holds_the_bucket_is_refused(url: str, fault: str) -> None:
    with pytest.raises(SettingsError) as told:
        load({**ENVIRON, "S3_ENDPOINT_URL": url})
    assert told.value.faults == (f"S3_ENDPOINT_URL {fault}",)
    with pytest.raises(StorageConfigError) as caught:
        basket_from({"type": "s3", "bucket": "crates", "endpoint_url": url}, {})
    assert caught.value.faults == (f"endpoint_url: {fault}",)


@pytest.mark.parametrize(
    "url",
    [
        "https://s3.eu-central-1.amazonaws.com",
        "https://crates.example.org",
        "https://crates.dj.example.org",
        "https://cratess.s3.example.org",
        "https://s3.crates.example.org",
        "https://s3.example.org/crates-proxy",
        "http://localhost:9000",
    ],
)
def test_an_address_that_only_looks_alike_is_taken(url: str) -> None:
    assert load({**ENVIRON, "S3_ENDPOINT_URL": url}).s3.endpoint_url == url
    basket = basket_from({"type": "s3", "bucket": "crates", "endpoint_url": url}, {})
    assert basket.s3 is not None
    assert basket.s3.endpoint_url == url


def test_a_bucket_may_be_named_as_a_server_is() -> None:
    url, bucket = "https://s3.eu-central-1.amazonaws.com", "s3.eu-central-1"
    assert load({**ENVIRON, "S3_BUCKET_NAME": bucket, "S3_ENDPOINT_URL": url}).s3.bucket == bucket


def test_each_basket_is_held_against_the_address_that_it_takes_over() -> None:
    section = {
        "default_type": "s3",
        "s3": {"bucket": "crates", "endpoint_url": "https://s3.example.org/day"},
        "baskets": {"covers": {"kinds": ["covers"], "bucket": "day"}},
    }
    with pytest.raises(StorageConfigError) as caught:
        basket_from(section, {})
    assert caught.value.faults == (f"baskets.covers.endpoint_url: {IN_PATH}",)
