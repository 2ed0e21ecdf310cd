"""The template created on an emulator, as far as one goes, and read back by the services' APIs.

moto makes buckets and policies from templates. It passes over what belongs to CloudFront, whose
configurations are therefore handed to its API as they stand in the template.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from botocore.session import Session
from moto.server import ThreadedMotoServer

from autodj.cdn.template.choices import Choices, Held
from autodj.cdn.template.cloudformation import document
from tests.cdn.templates import SIGNING, SIGNING_KEY, STANDARD, resolved

REGION = "eu-central-1"
KNOWN = {"AWS::S3::Bucket", "AWS::IAM::ManagedPolicy"}
CHOICES = Choices(
    bucket="emulated-music",
    public_keys=STANDARD.public_keys,
    web=Held(roles=("emulated-web",)),
    worker=Held(users=("emulated-worker",)),
)
DISTRIBUTION_ID = "E2QWRUHAPOMQZL"

Connect = Any


@pytest.fixture(scope="module")
def connect() -> Iterator[Connect]:
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()

    session = Session()

    @cache
    def client(service: str) -> Any:
        return session.create_client(
            service,
            endpoint_url=f"http://{host}:{port}",
            region_name=REGION,
            aws_access_key_id="root",
            aws_secret_access_key="root",
        )

    yield client
    server.stop()


@pytest.fixture(scope="module", autouse=True)
def stack(connect: Connect) -> Any:
    iam = connect("iam")
    iam.create_role(RoleName="emulated-web", AssumeRolePolicyDocument="{}")
    iam.create_user(UserName="emulated-worker")
    stacks = connect("cloudformation")
    stacks.create_stack(
        StackName="autodj", TemplateBody=supported(), Capabilities=["CAPABILITY_NAMED_IAM"]
    )
    (made,) = stacks.describe_stacks(StackName="autodj")["Stacks"]
    return made


def supported() -> str:
    """The template without the kinds that the emulator does not make."""
    template: Any = document(CHOICES)
    resources = {k: v for k, v in template["Resources"].items() if v["Type"] in KNOWN}
    assert len(resources) == 5
    del resources["Bucket"]["DependsOn"]
    text = json.dumps({**template, "Resources": resources, "Outputs": {}})
    return text.replace("${Distribution}", DISTRIBUTION_ID)


def property_of(name: str) -> Any:
    template: Any = document(CHOICES)
    return resolved(template["Resources"][name]["Properties"])


def test_the_stack_stands(stack: Any, connect: Connect) -> None:
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    names = {each["Name"] for each in connect("s3").list_buckets()["Buckets"]}
    assert {"emulated-music", "emulated-music-logs"} <= names


@pytest.mark.parametrize("bucket", ["emulated-music", "emulated-music-logs"])
def test_the_buckets_encrypt(connect: Connect, bucket: str) -> None:
    told = connect("s3").get_bucket_encryption(Bucket=bucket)
    (rule,) = told["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}


@pytest.mark.parametrize("who", ["Web", "Worker", "Operator"])
def test_the_rights_arrive_as_they_were_written(connect: Connect, who: str) -> None:
    iam = connect("iam")
    arn = f"arn:aws:iam::123456789012:policy/emulated-music-{who.lower()}"
    found = iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"]
    expected = json.dumps(property_of(f"{who}Policy")["PolicyDocument"])
    expected = expected.replace("<AWS::AccountId>", "123456789012")
    assert found == json.loads(expected.replace("<Distribution>", DISTRIBUTION_ID))


def test_the_rights_are_held_by_those_named(connect: Connect) -> None:
    iam = connect("iam")
    (web,) = iam.list_attached_role_policies(RoleName="emulated-web")["AttachedPolicies"]
    (worker,) = iam.list_attached_user_policies(UserName="emulated-worker")["AttachedPolicies"]
    assert web["PolicyName"] == "emulated-music-web"
    assert worker["PolicyName"] == "emulated-music-worker"


@pytest.mark.parametrize(
    ("bucket", "name"),
    [("emulated-music", "BucketPolicy"), ("emulated-music-logs", "LogBucketPolicy")],
)
def test_the_buckets_take_their_policies(connect: Connect, bucket: str, name: str) -> None:
    policy = property_of(name)["PolicyDocument"]
    connect("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    assert json.loads(connect("s3").get_bucket_policy(Bucket=bucket)["Policy"]) == policy


def test_the_buckets_cors_answers_as_it_was_written(connect: Connect) -> None:
    (rule,) = property_of("Bucket")["CorsConfiguration"]["CorsRules"]
    given = {
        "AllowedOrigins": rule["AllowedOrigins"],
        "AllowedMethods": rule["AllowedMethods"],
        "AllowedHeaders": rule["AllowedHeaders"],
        "ExposeHeaders": rule["ExposedHeaders"],
        "MaxAgeSeconds": rule["MaxAge"],
    }
    s3 = connect("s3")
    s3.put_bucket_cors(Bucket="emulated-music", CORSConfiguration={"CORSRules": [given]})
    assert s3.get_bucket_cors(Bucket="emulated-music")["CORSRules"] == [given]


def test_cloudfront_takes_the_keys_and_their_group(connect: Connect) -> None:
    front = connect("cloudfront")
    config = property_of(f"PublicKey{SIGNING}")["PublicKeyConfig"]
    made = front.create_public_key(PublicKeyConfig=config)["PublicKey"]
    assert made["PublicKeyConfig"] == {**config, "EncodedKey": SIGNING_KEY, "Comment": ""}
    group = {**property_of("KeyGroup")["KeyGroupConfig"], "Items": [made["Id"]]}
    told = front.create_key_group(KeyGroupConfig=group)["KeyGroup"]["KeyGroupConfig"]
    assert told["Name"] == "emulated-music"
    assert told["Items"] == [made["Id"]]


def test_cloudfront_takes_the_origin_access(connect: Connect) -> None:
    config = property_of("OriginAccess")["OriginAccessControlConfig"]
    made = connect("cloudfront").create_origin_access_control(OriginAccessControlConfig=config)
    told = made["OriginAccessControl"]["OriginAccessControlConfig"]
    assert {name: told[name] for name in config} == config
