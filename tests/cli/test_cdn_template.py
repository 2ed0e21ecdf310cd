from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.cdn.conftest import pem_of
from tests.cdn.templates import RETIRING_KEY, SIGNING, SIGNING_KEY
from tests.cli.conftest import Here

BASE = ("cdn", "template", "--bucket", "my-music", "--public-key", "public.pem")


@pytest.fixture(autouse=True)
def key_files(here: Here, tmp_path: Path) -> None:  # noqa: ARG001 - here moves to tmp_path
    (tmp_path / "public.pem").write_text(SIGNING_KEY)
    (tmp_path / "older.pem").write_text(RETIRING_KEY)


def test_cloudformation_is_printed_whole(here: Here) -> None:
    told = here(*BASE)
    assert told.code == 0
    resources = json.loads(told.out)["Resources"]
    assert resources["Bucket"]["Properties"]["BucketName"] == "my-music"
    assert f"PublicKey{SIGNING}" in resources


def test_terraform_is_printed_whole(here: Here) -> None:
    told = here(*BASE, "--public-key", "older.pem", "--format", "terraform")
    assert told.code == 0
    resources = json.loads(told.out)["resource"]
    assert resources["aws_s3_bucket"]["bucket"]["bucket"] == "my-music"
    assert len(resources["aws_cloudfront_public_key"]) == 2


def test_a_key_file_that_is_no_text_is_told(here: Here, tmp_path: Path) -> None:
    (tmp_path / "public.pem").write_bytes(b"\x30\x82\xff\xfe")
    told = here(*BASE)
    assert told.code == 1
    assert told.err.startswith("error: ")
    assert "PEM" in told.err


def test_every_option_reaches_the_template(here: Here) -> None:
    plain = here(*BASE).out
    certificate = "arn:aws:acm:us-east-1:123456789012:certificate/1"
    for options in (
        ("--public-key", "older.pem"),
        ("--prefix", "audio"),
        ("--existing-bucket",),
        ("--kms-key", "new"),
        ("--no-versioning",),
        ("--noncurrent-days", "7"),
        ("--tiering",),
        ("--no-logs",),
        ("--log-days", "7"),
        ("--domain", "cdn.example.com", "--certificate-arn", certificate),
        ("--hash", "SHA1"),
        ("--price-class", "All"),
        ("--origin-shield", "eu-central-1"),
        ("--error-cache-s", "0"),
        ("--no-ipv6",),
        ("--metrics",),
        ("--cookie-origin", "https://app.example.com"),
        *(
            ("--with", power)
            for power in ("versions", "erase", "restore", "tags", "uploads", "public-links")
        ),
        *(
            (f"--{who}-{kind}", "x")
            for who in ("web", "worker", "operator")
            for kind in ("role", "user")
        ),
    ):
        told = here(*BASE, *options)
        assert told.code == 0, told.err
        assert told.out != plain, options


def test_a_prefix_is_taken_with_or_without_its_slashes(here: Here) -> None:
    wanted = here(*BASE, "--prefix", "audio/").out
    assert here(*BASE, "--prefix", "audio").out == wanted
    assert here(*BASE, "--prefix", "/audio").out == wanted


def test_letting_everybody_in_has_to_be_said(here: Here) -> None:
    told = here("cdn", "template", "--bucket", "my-music")
    assert told.code == 1
    assert "--unsigned" in told.err
    opened = here("cdn", "template", "--bucket", "my-music", "--unsigned")
    assert opened.code == 0
    assert "TrustedKeyGroups" not in opened.out
    assert here(*BASE, "--unsigned").code == 1


def test_every_fault_is_told_and_nothing_is_printed(here: Here) -> None:
    told = here(*BASE, "--bucket", "My.Music", "--log-days", "0")
    assert told.code == 1
    assert told.out == ""
    assert "dots" in told.err
    assert "1 to 3650" in told.err
    assert "autodj cdn template --help" in told.err


def test_a_private_key_is_refused_and_not_repeated(here: Here, tmp_path: Path) -> None:
    ec_pem = pem_of(ec.generate_private_key(ec.SECP256R1()))
    (tmp_path / "private.pem").write_text(ec_pem)
    told = here("cdn", "template", "--bucket", "my-music", "--public-key", "private.pem")
    assert told.code == 1
    assert "public key is not a readable PEM" in told.err
    assert ec_pem.splitlines()[1] not in told.out + told.err


def test_a_key_file_that_is_not_there_is_named(here: Here) -> None:
    told = here("cdn", "template", "--bucket", "my-music", "--public-key", "nowhere.pem")
    assert told.code == 1
    assert "nowhere.pem" in told.err


def test_the_help_shows_how_it_is_used(here: Here) -> None:
    told = here("cdn", "template", "--help")
    assert "autodj cdn template --bucket" in told.out.partition("For example:")[2]
    assert " template " in here("cdn", "--help").out
