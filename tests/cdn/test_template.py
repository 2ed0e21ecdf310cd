"""What holds for every set-up, whatever is chosen, in both languages."""

from __future__ import annotations

import dataclasses
import json
import re
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autodj.cdn.headers import DELIVERY_HEADERS
from autodj.cdn.template import cloudformation, terraform
from autodj.cdn.template.choices import Choices, Held
from autodj.cdn.template.playback import custom_headers
from autodj.errors import SettingsError
from autodj.settings import load
from autodj.settings.catalogue import SETTINGS
from autodj.storage.keys import public_key
from tests.cdn.templates import (
    ALTERNATIVES,
    CERTIFICATE,
    CHOICES,
    KMS_KEY,
    RETIRING,
    SIGNING,
    SIGNING_KEY,
    STANDARD,
    at,
    leaves,
    pairwise,
    resolved,
    unfolded,
)

NAMES = json.loads((Path(__file__).parent / "terraform_names.json").read_text())
FULL = Choices(
    bucket="music",
    public_keys=STANDARD.public_keys,
    prefix="a/b.c/",
    domain="cdn.example.com",
    certificate_arn=CERTIFICATE,
    tiering=True,
    kms_key="new",
    origin_shield="eu-central-1",
    metrics=True,
    cookie_origins=("https://app.example.com",),
    extras=frozenset({"versions", "erase", "restore", "tags", "uploads", "public-links"}),
    web=Held(roles=("web",), users=("ada",)),
    worker=Held(roles=("worker",)),
    operator=Held(users=("eve",)),
)
PLAIN = Choices(bucket="music", existing_bucket=True, versioning=False)


def lint(text: str) -> list[Any]:
    # Seconds to import, and every process of the tests reads this file.
    from cfnlint import api  # noqa: PLC0415

    found: list[Any] = api.lint(text, regions=["eu-central-1"])
    return found


@pytest.mark.parametrize("choices", [FULL, PLAIN], ids=["full", "plain"])
def test_cfn_lint_finds_nothing(choices: Choices) -> None:
    assert lint(cloudformation.render(choices)) == []


def test_cfn_lint_would_find_something() -> None:
    text = cloudformation.render(STANDARD).replace("CachingMinTTL", "CashingMinTTL")
    assert lint(text)


@given(CHOICES)
def test_every_reference_leads_to_a_resource(choices: Choices) -> None:
    document = cloudformation.document(choices)
    known = set(document["Resources"])  # type: ignore[call-overload]  # it is a mapping of names
    text = json.dumps(document)
    named = {
        *re.findall(r'"Ref": "([^"]+)"', text),
        *re.findall(r'"Fn::GetAtt": \["([^"]+)"', text),
        *re.findall(r"\$\{([A-Za-z0-9]+)[.}]", text),
    }
    assert {name for name in named if not name.startswith("AWS::")} <= known


@given(CHOICES)
def test_every_terraform_reference_leads_to_a_resource(choices: Choices) -> None:
    document: Any = terraform.document(choices)
    for kind, name in re.findall(r"\$\{(?!data\.)(\w+)\.(\w+)\.", json.dumps(document)):
        assert name in document["resource"][kind]
    for kind, name in re.findall(r"\$\{data\.(\w+)\.(\w+)\.", json.dumps(document)):
        assert name in document["data"][kind]
    for resource in (r for kind in document["resource"].values() for r in kind.values()):
        for address in resource.get("depends_on", ()):
            assert at(document["resource"], address)


@given(CHOICES)
def test_both_languages_grant_the_same(choices: Choices) -> None:
    ours = resolved(cloudformation.document(choices)["Resources"])
    theirs = unfolded(terraform.document(choices)["resource"])
    for who in ("web", "worker", "operator"):
        document = ours[f"{who.title()}Policy"]["Properties"]["PolicyDocument"]
        assert _rights(document) == _rights(theirs["aws_iam_policy"][who]["policy"])
    document = ours["BucketPolicy"]["Properties"]["PolicyDocument"]
    assert _rights(document) == _rights(theirs["aws_s3_bucket_policy"]["bucket"]["policy"])


@given(CHOICES)
def test_nobody_holds_a_right_to_everything(choices: Choices) -> None:
    resources = resolved(cloudformation.document(choices)["Resources"])
    for who in ("Web", "Worker", "Operator"):
        for statement in resources[f"{who}Policy"]["Properties"]["PolicyDocument"]["Statement"]:
            assert statement["Effect"] == "Allow"
            assert not any("*" in action for action in statement["Action"])
            assert statement["Resource"] not in {"*", "arn:aws:s3:::*"}
            changing = ("Policy", "PublicAccess", "Acl", "DeleteBucket", "PutBucket", "PutLife")
            assert not any(word in action for action in statement["Action"] for word in changing)
            assert {action.partition(":")[0] for action in statement["Action"]} <= {
                "s3",
                "kms",
                "cloudfront",
            }


@given(CHOICES)
def test_no_bucket_is_ever_public(choices: Choices) -> None:
    resources = resolved(cloudformation.document(choices)["Resources"])
    for resource in resources.values():
        if resource["Type"] == "AWS::S3::Bucket":
            assert all(resource["Properties"]["PublicAccessBlockConfiguration"].values())
            assert "AccessControl" not in resource["Properties"]
        if resource["Type"] == "AWS::S3::BucketPolicy":
            for statement in resource["Properties"]["PolicyDocument"]["Statement"]:
                assert statement["Effect"] == "Deny" or "Service" in statement["Principal"]
                assert "Condition" in statement


@given(CHOICES)
def test_whoever_has_keys_asks_for_signatures_but_below_public(choices: Choices) -> None:
    front = at(
        resolved(cloudformation.document(choices)["Resources"]),
        "Distribution.Properties.DistributionConfig",
    )
    assert ("TrustedKeyGroups" in front["DefaultCacheBehavior"]) is bool(choices.public_keys)
    (public,) = front["CacheBehaviors"]
    assert "TrustedKeyGroups" not in public
    assert public["PathPattern"] == f"/{choices.prefix}public/*"


def test_public_copies_lie_where_no_signature_is_asked_for() -> None:
    key = public_key(uuid.uuid4(), "0" * 32, "0" * 64, "mp3")
    assert f"/{FULL.prefix}{key}".startswith(FULL.public_pattern.removesuffix("*"))


@given(CHOICES)
def test_terraforms_arguments_are_those_its_provider_knows(choices: Choices) -> None:
    resources: Any = terraform.document(choices)["resource"]
    for kind, named in resources.items():
        for resource in named.values():
            assert list(_misfits(resource, NAMES[kind], kind)) == []


def test_a_misspelt_argument_is_noticed() -> None:
    block = {"bucket": "a", "rule": {"object_ownerschip": "x"}}
    assert list(_misfits(block, NAMES["aws_s3_bucket_ownership_controls"], "")) == [
        ".rule.object_ownership",
        ".rule.object_ownerschip",
    ]


def test_the_pairs_leave_no_two_alternatives_apart() -> None:
    tried = pairwise()
    assert len(tried) < 30
    for name in ("prefix", "logs", "versioning", "tiering", "metrics", "ipv6"):
        for other in ("hash", "price_class", "error_cache_s"):
            met = {(getattr(each, name), getattr(each, other)) for each in tried}
            assert len(met) == len(ALTERNATIVES[name]) * len(ALTERNATIVES[other])


# --- the settings that follow -------------------------------------------------------------------


@given(CHOICES)
@settings(max_examples=30)
def test_the_settings_it_prints_are_read_by_autodj(choices: Choices) -> None:
    for text in (_told(choices), _told_by_terraform(choices)):
        found = dict(line.split("=", 1) for line in text.splitlines())
        assert set(found) <= {setting.name for setting in SETTINGS}
        loaded = load(_filled(found))
        assert loaded.s3.bucket == "music"
        assert loaded.s3.prefix.strip("/") == choices.prefix.strip("/")
        assert loaded.cdn.origin == f"https://{choices.domain or 'd111111abcdef8.cloudfront.net'}"
        assert (loaded.cdn.key_pair_id is None) is not bool(choices.public_keys)


def test_a_kms_key_is_told_by_name() -> None:
    told = _told(dataclasses.replace(STANDARD, kms_key=KMS_KEY)).splitlines()
    assert {"S3_SSE=aws:kms", f"S3_SSE_KMS_KEY_ID={KMS_KEY}"} <= set(told)
    assert "S3_SSE_KMS_KEY_ID=<Key.Arn>" in _told(dataclasses.replace(STANDARD, kms_key="new"))


def test_the_first_key_signs() -> None:
    assert f"CLOUDFRONT_KEY_PAIR_ID=<PublicKey{SIGNING}>" in _told(STANDARD)
    swapped = dataclasses.replace(STANDARD, public_keys=STANDARD.public_keys[::-1])
    assert f"CLOUDFRONT_KEY_PAIR_ID=<PublicKey{RETIRING}>" in _told(swapped)


def test_keys_keep_their_place_when_they_change_roles() -> None:
    swapped = dataclasses.replace(STANDARD, public_keys=STANDARD.public_keys[::-1])
    alone = dataclasses.replace(STANDARD, public_keys=STANDARD.public_keys[:1])
    for made in (swapped, alone):
        for name, key in _keys(made).items():
            assert _keys(STANDARD)[name] == key


def _keys(choices: Choices) -> dict[str, Any]:
    resources: Any = cloudformation.document(choices)["Resources"]
    return {name: each for name, each in resources.items() if name.startswith("PublicKey")}


def _told(choices: Choices) -> str:
    text: str = at(resolved(cloudformation.document(choices)), "Outputs.Settings.Value")
    return text


def _told_by_terraform(choices: Choices) -> str:
    text: str = at(terraform.document(choices), "output.settings.value")
    return text


def _filled(found: Mapping[str, str]) -> dict[str, str]:
    """The settings as they come out of a set-up that stands."""
    known = {
        "AWS_REGION": "eu-central-1",
        "S3_EXPECTED_BUCKET_OWNER": "123456789012",
        "S3_SSE_KMS_KEY_ID": KMS_KEY,
        "CLOUDFRONT_KEY_PAIR_ID": "K2JCJMDEHXQW5F",
        "CLOUDFRONT_DISTRIBUTION_ID": "E2QWRUHAPOMQZL",
    }
    filled = {name: known.get(name, value) for name, value in found.items()}
    if re.search(r"[<$]", filled["CLOUDFRONT_DOMAIN"]):
        filled["CLOUDFRONT_DOMAIN"] = "d111111abcdef8.cloudfront.net"
    if "CLOUDFRONT_KEY_PAIR_ID" in filled:
        filled["CLOUDFRONT_PRIVATE_KEY"] = PRIVATE_KEY
    return {**filled, "AUTODJ_SECRET": "q8Zr3vN0tYx7LmC2sKd9WbE5hUjP1aGf"}


PRIVATE_KEY = "-----BEGIN PRIVATE KEY-----\nMIG\n-----END PRIVATE KEY-----\n"


# --- the headers --------------------------------------------------------------------------------


def test_every_delivery_header_has_a_drawer() -> None:
    policy = at(
        cloudformation.document(STANDARD),
        "Resources.ResponseHeaders.Properties.ResponseHeadersPolicyConfig",
    )
    shared = policy["CorsConfig"]
    said = {
        "Access-Control-Allow-Origin": shared["AccessControlAllowOrigins"]["Items"][0],
        "Access-Control-Expose-Headers": ", ".join(shared["AccessControlExposeHeaders"]["Items"]),
        "X-Content-Type-Options": "nosniff" if policy["SecurityHeadersConfig"] else "",
        "Accept-Ranges": "bytes",  # S3's own, on every object
        **{each["Header"]: each["Value"] for each in policy["CustomHeadersConfig"]["Items"]},
    }
    assert said == DELIVERY_HEADERS


@pytest.mark.parametrize("name", ["Access-Control-Max-Age", "Referrer-Policy"])
def test_a_header_that_cloudfront_would_refuse_here_is_refused(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "autodj.cdn.template.playback.DELIVERY_HEADERS", {**DELIVERY_HEADERS, name: "x"}
    )
    with pytest.raises(ValueError, match=name):
        custom_headers()


def test_a_new_header_goes_out_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "autodj.cdn.template.playback.DELIVERY_HEADERS",
        {**DELIVERY_HEADERS, "Timing-Allow-Origin": "*"},
    )
    assert custom_headers()["Timing-Allow-Origin"] == "*"


# --- the choices --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"bucket": "my.music"}, "dots"),
        ({"bucket": "ab"}, "bucket"),
        ({"bucket": "a" * 59}, "3 to 58"),
        ({"bucket": "Music"}, "bucket"),
        ({"bucket": "a" * 64, "logs": False}, "3 to 63"),
        ({"prefix": "a"}, "prefix"),
        ({"prefix": "/"}, "prefix"),
        ({"prefix": "a/../"}, "prefix"),
        ({"domain": "cdn.example.com"}, "go together"),
        ({"certificate_arn": CERTIFICATE}, "go together"),
        ({"domain": "https://x.y", "certificate_arn": CERTIFICATE}, "host name"),
        (
            {
                "domain": "x.example",
                "certificate_arn": CERTIFICATE.replace("us-east-1", "eu-west-1"),
            },
            "us-east-1",
        ),
        ({"kms_key": "alias/x"}, "KMS"),
        ({"kms_key": "new", "existing_bucket": True}, "keeps its encryption"),
        ({"origin_shield": "Frankfurt"}, "region"),
        ({"error_cache_s": -1}, "0 to 300"),
        ({"log_days": 0}, "1 to 3650"),
        ({"noncurrent_days": 0}, "1 to 3650"),
        ({"public_keys": ("nonsense",)}, "readable PEM"),
        ({"public_keys": (SIGNING_KEY, SIGNING_KEY)}, "twice"),
        ({"cookie_origins": ("https://a.example/x",)}, "origin of a page"),
        ({"cookie_origins": ("https://a.example",), "public_keys": ()}, "cookies need"),
        (
            {"extras": frozenset({"public-links"}), "public_keys": ()},
            "public links need a public key",
        ),
        ({"web": Held(users=("a b",))}, "role or user"),
    ],
    ids=str,
)
def test_what_aws_would_refuse_is_refused_before(wrong: dict[str, Any], word: str) -> None:
    with pytest.raises(SettingsError, match=word):
        dataclasses.replace(STANDARD, **wrong)


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(SettingsError) as told:
        Choices(bucket="My.Music", prefix="x", log_days=0, kms_key="x")
    assert len(told.value.faults) == 4


def test_a_key_that_exists_is_used_and_not_made() -> None:
    resources: Any = cloudformation.document(dataclasses.replace(STANDARD, kms_key=KMS_KEY))
    assert "Key" not in resources["Resources"]
    assert resources["Outputs"]["KmsKeyArn"]["Value"] == KMS_KEY


@given(st.sampled_from(pairwise()))
@settings(max_examples=21)
def test_nothing_in_a_template_is_empty(choices: Choices) -> None:
    resources = resolved(cloudformation.document(choices)["Resources"])
    for path in leaves(resources):
        value = resources
        for step in path:
            value = value[step]
        assert value not in ([], {}, None), path
        assert value != "" or path[-1] == "OriginAccessIdentity", path


# --- helpers of this file -----------------------------------------------------------------------


def _rights(document: Any) -> list[tuple[Any, ...]]:
    return [
        (each["Sid"], each["Effect"], each["Action"], list(each.get("Condition", {})))
        for each in document["Statement"]
    ]


META = {"lifecycle", "depends_on"}


def _misfits(block: Mapping[str, Any], known: Mapping[str, Any], path: str) -> Iterator[str]:
    """The arguments that are missing, unknown, or too many."""
    for name in known["required"]:
        if name not in block:
            yield f"{path}.{name}"
    for name, inner in known["blocks"].items():
        if inner["least"] and name not in block:
            yield f"{path}.{name}"
    for name, value in block.items():
        inner = known["blocks"].get(name)
        if inner is not None:
            members = value if isinstance(value, list) else [value]
            if inner["most"] and len(members) > inner["most"]:
                yield f"{path}.{name}"
            for member in members:
                yield from _misfits(member, inner, f"{path}.{name}")
        elif name not in {*known["required"], *known["optional"], *META}:
            yield f"{path}.{name}"
