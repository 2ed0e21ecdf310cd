"""Each source of credentials, in its order, and that requests are signed with what it gives."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from autodj.errors import StoreCredentials
from autodj.runtime import s3_config
from autodj.settings import load
from autodj.storage.s3 import S3Config, S3Timing, open_s3
from autodj.storage.s3.credentials import find_credentials
from tests.storage.credential_servers import TOKEN, KeyServer, key_server
from tests.storage.faults import FaultServer, answering, served

ROLE = "arn:aws:iam::123456789012:role/autodj-publisher"
QUICK = S3Timing(attempts=1, metadata_s=10)
KEYLESS = S3Config("bucket", "us-east-1", path_style=True, timing=QUICK)
KEYED = dataclasses.replace(KEYLESS, access_key="AKCONFIG00001234", secret_key="very-secret")


@pytest.fixture(autouse=True)
def aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's AWS files, empty, and no metadata service: whoever runs the tests has both."""
    for name in ("AWS_PROFILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_ROLE_ARN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    files = tmp_path / "aws"
    files.mkdir()
    for name, variable in (
        ("credentials", "AWS_SHARED_CREDENTIALS_FILE"),
        ("config", "AWS_CONFIG_FILE"),
    ):
        (files / name).touch()
        monkeypatch.setenv(variable, str(files / name))
    return files


def give_profile(aws: Path, name: str, key_id: str) -> None:
    with (aws / "credentials").open("a") as file:
        file.write(f"[{name}]\naws_access_key_id={key_id}\naws_secret_access_key=s\n")


def on_ecs(monkeypatch: pytest.MonkeyPatch, server: KeyServer) -> None:
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{server.url}/container")
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", TOKEN)


def on_ec2(monkeypatch: pytest.MonkeyPatch, server: KeyServer) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "false")
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.url)


async def signing_keys(config: S3Config, requests: int = 1) -> list[str]:
    """The id of the key in the signature of each of so many requests, as a server sees it."""
    server = FaultServer(answering("200 OK"))
    async with (
        served(server) as endpoint,
        open_s3(dataclasses.replace(config, endpoint_url=endpoint)) as store,
    ):
        for _ in range(requests):
            await store.probe()
    signatures = [each.headers["authorization"] for each in server.requests]
    return [each.partition("Credential=")[2].partition("/")[0] for each in signatures]


async def test_keys_of_the_config_win_over_everything(
    aws: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_profile(aws, "default", "AKDEFAULT")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKENVIRONMENT")
    async with key_server() as server:
        on_ecs(monkeypatch, server)
        assert await signing_keys(KEYED) == ["AKCONFIG00001234"]
        found = await find_credentials(KEYED)

    assert (found.source, found.key_tail, found.role_arn) == ("config", "1234", None)
    assert "very-secret" not in repr(found)
    assert "AKCONFIG" not in repr(found)
    assert server.given == 0


async def test_keys_of_the_environment_come_through_the_settings(aws: Path) -> None:
    give_profile(aws, "default", "AKDEFAULT")
    settings = load(
        {
            "AUTODJ_SECRET": "q8Zr3vN0tYx7LmC2sKd9WbE5hUjP1aGf",
            "S3_BUCKET_NAME": "bucket",
            "AWS_ACCESS_KEY_ID": "AKFROMENV000WXYZ",
            "AWS_SECRET_ACCESS_KEY": "very-secret",
            "AWS_SESSION_TOKEN": "session",
        }
    )
    config = dataclasses.replace(s3_config(settings), path_style=True)

    found = await find_credentials(config)

    assert (found.source, found.key_tail) == ("environment", "WXYZ")
    assert await signing_keys(config) == ["AKFROMENV000WXYZ"]


async def test_keys_of_a_basket_are_told_from_those_of_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "storage.yaml"
    file.write_text(
        "storage:\n  default_type: s3\n  s3:\n    bucket: bucket\n"
        "    access_key: AKBASKET0000BASK\n    secret_key: very-secret\n"
    )
    settings = load(
        {
            "AUTODJ_SECRET": "q8Zr3vN0tYx7LmC2sKd9WbE5hUjP1aGf",
            "STORAGE_CONFIG": str(file),
            "AWS_ACCESS_KEY_ID": "AKFROMENV000WXYZ",
            "AWS_SECRET_ACCESS_KEY": "very-secret",
            "AWS_SESSION_TOKEN": "session",
        }
    )
    config = dataclasses.replace(s3_config(settings), path_style=True)

    found = await find_credentials(config)

    assert (found.source, found.key_tail) == ("config", "BASK")
    assert config.session_token is None


async def test_a_session_token_goes_with_every_request() -> None:
    server = FaultServer(answering("200 OK"))
    async with served(server) as endpoint:
        config = dataclasses.replace(KEYED, session_token="tok", endpoint_url=endpoint)
        async with open_s3(config) as store:
            await store.probe()

    assert server.requests[0].headers["x-amz-security-token"] == "tok"


async def test_a_profile_is_asked_before_the_machine(
    aws: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_profile(aws, "default", "AKDEFAULT0000001")
    give_profile(aws, "studio", "AKSTUDIO00000002")
    async with key_server() as server:
        on_ecs(monkeypatch, server)
        studio = dataclasses.replace(KEYLESS, profile="studio")

        assert await signing_keys(studio) == ["AKSTUDIO00000002"]
        assert await signing_keys(KEYLESS) == ["AKDEFAULT0000001"]
        assert (await find_credentials(studio)).source == "profile"
    assert server.given == 0


@pytest.mark.parametrize("profile", ["nobody", "empty"])
@pytest.mark.can_fail_on("credential_servers")
async def test_a_named_profile_without_keys_is_a_fault_and_not_passed_over(
    aws: Path, monkeypatch: pytest.MonkeyPatch, profile: str
) -> None:
    (aws / "config").write_text("[profile empty]\nregion=eu-west-1\n")
    async with key_server() as server:
        on_ecs(monkeypatch, server)
        config = dataclasses.replace(KEYLESS, profile=profile)
        with pytest.raises(StoreCredentials):
            await find_credentials(config)
        with pytest.raises(StoreCredentials):
            await signing_keys(config)
    assert server.given == 0


async def test_the_container_is_asked_with_its_token(monkeypatch: pytest.MonkeyPatch) -> None:
    async with key_server() as server:
        on_ecs(monkeypatch, server)
        found = await find_credentials(KEYLESS)
        assert await signing_keys(KEYLESS, requests=3) == ["AKSERVED00000002"] * 3

    assert (found.source, found.key_tail) == ("container role", "0001")
    assert found.expires_at is not None


async def test_the_instance_is_asked_by_version_2_of_its_service(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with key_server() as server:
        on_ec2(monkeypatch, server)
        found = await find_credentials(KEYLESS)
        assert await signing_keys(KEYLESS, requests=2) == ["AKSERVED00000002"] * 2

    assert (found.source, found.key_tail) == ("instance role", "0001")


@pytest.mark.can_fail_on("scripted")
async def test_keys_that_are_nowhere_are_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = FaultServer(answering("404 Not Found"))
    async with served(machine) as endpoint:
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "false")
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint)
        with pytest.raises(StoreCredentials):
            await find_credentials(KEYLESS)
        looked = len(machine.requests)
        async with open_s3(KEYLESS) as store:
            with pytest.raises(StoreCredentials):
                await store.probe()

    assert looked > 0
    assert len(machine.requests) == 2 * looked


async def test_the_container_comes_before_the_instance(monkeypatch: pytest.MonkeyPatch) -> None:
    async with key_server() as container, key_server() as instance:
        on_ecs(monkeypatch, container)
        on_ec2(monkeypatch, instance)
        assert (await find_credentials(KEYLESS)).source == "container role"
    assert (container.given, instance.given) == (1, 0)


@pytest.mark.can_fail_on("credential_servers")
async def test_the_role_only_switch_ignores_keys_and_profiles(
    aws: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_profile(aws, "default", "AKDEFAULT")
    role_only = dataclasses.replace(KEYED, use_machine_role=True)
    with pytest.raises(StoreCredentials):
        await find_credentials(role_only)
    async with key_server() as server:
        on_ec2(monkeypatch, server)
        assert (await find_credentials(role_only)).source == "instance role"
        assert (await signing_keys(role_only))[0].startswith("AKSERVED")


async def test_keys_of_a_container_are_renewed_before_they_expire(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with key_server(5 * 60, 3600) as server:
        on_ecs(monkeypatch, server)
        # Five minutes are less than the ten that are left in reserve: the first is never used.
        assert await signing_keys(KEYLESS, requests=4) == ["AKSERVED00000002"] * 4
    assert server.given == 2


async def test_links_end_with_the_keys_that_signed_them(monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_s3(KEYED) as store:
        assert await store.signs_until() is None
    async with key_server(3600, 1800) as server:
        on_ecs(monkeypatch, server)
        async with open_s3(KEYLESS) as store:
            ends_at = await store.signs_until()
            assert ends_at is not None
            assert timedelta(minutes=59) < ends_at - datetime.now(UTC) <= timedelta(hours=1)
            client: Any = store._client
            client._request_signer._credentials._expiry_time = datetime.now(UTC)
            renewed = await store.signs_until()
            assert renewed is not None
            assert timedelta(minutes=29) < renewed - datetime.now(UTC) <= timedelta(minutes=30)


async def test_keys_of_an_instance_are_renewed_before_they_expire(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    s3 = FaultServer(answering("200 OK"))
    async with key_server() as server, served(s3) as endpoint:
        on_ec2(monkeypatch, server)
        async with open_s3(dataclasses.replace(KEYLESS, endpoint_url=endpoint)) as store:
            await store.probe()
            client: Any = store._client
            keys = client._request_signer._credentials
            keys._expiry_time = datetime.now(UTC) + timedelta(minutes=5)
            await store.probe()
            await store.probe()

    used = [each.headers["authorization"].partition("/")[0][-8:] for each in s3.requests]
    assert used == ["00000001", "00000002", "00000002"]


async def test_a_role_is_assumed_with_the_keys_found(moto_endpoint: str, aws: Path) -> None:
    give_profile(aws, "studio", "AKSTUDIO00000002")
    for base, source in (
        (KEYED, "config"),
        (dataclasses.replace(KEYLESS, profile="studio"), "profile"),
    ):
        config = dataclasses.replace(
            base, role_arn=ROLE, role_external_id="deal", sts_endpoint_url=moto_endpoint
        )
        found = await find_credentials(config)
        [key] = await signing_keys(config)

        assert (found.source, found.role_arn) == (source, ROLE)
        assert found.expires_at is not None
        assert key not in {"AKCONFIG00001234", "AKSTUDIO00000002"}
        assert key.startswith("ASIA")


async def test_a_web_identity_is_the_role_itself_and_does_not_assume_it_again(
    moto_endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = tmp_path / "token"
    token.write_text("a-token-of-the-cluster")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(token))
    monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", moto_endpoint)
    config = dataclasses.replace(KEYLESS, role_arn=ROLE, use_machine_role=True)

    found = await find_credentials(config)

    assert (found.source, found.role_arn) == ("web identity", None)
    assert found.expires_at is not None
    assert (await signing_keys(config))[0].startswith("ASIA")


@pytest.mark.can_fail_on("scripted")
async def test_a_role_is_assumed_as_it_was_ordered() -> None:
    sts = FaultServer(answering("403 Forbidden", b"<ErrorResponse><Error><Code>AccessDenied</Code>"
                                b"</Error></ErrorResponse>", content_type="text/xml"))  # fmt: skip
    async with served(sts) as endpoint:
        config = dataclasses.replace(
            KEYED,
            role_arn=ROLE,
            role_session_name="night-shift",
            role_external_id="deal",
            sts_endpoint_url=endpoint,
        )
        with pytest.raises(StoreCredentials) as refused:
            await find_credentials(config)

    asked = sts.requests[0].body.decode()
    assert "RoleSessionName=night-shift" in asked
    assert "ExternalId=deal" in asked
    assert "autodj-publisher" in asked
    assert "AssumeRole AccessDenied" in refused.value.detail


@pytest.mark.can_fail_on("credential_servers")
async def test_an_endpoint_that_refuses_is_a_fault_of_the_credentials(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with key_server() as server:
        on_ecs(monkeypatch, server)
        monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "wrong")
        with pytest.raises(StoreCredentials):
            await find_credentials(KEYLESS)
