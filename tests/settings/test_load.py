"""What the environment may say, and how a process refuses to start."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import pytest
from arq.connections import RedisSettings

from autodj.errors import SettingsError
from autodj.settings import Settings, data_dir, database_url, load
from autodj.settings.catalogue import SETTINGS

SECRET = "q8Zr3vN0tYx7LmC2sKd9WbE5hUjP1aGf"
BASE = {"AUTODJ_SECRET": SECRET}
S3 = {**BASE, "FILE_STORAGE_TYPE": "s3", "S3_BUCKET_NAME": "crates"}
PRODUCTION = {**S3, "AUTODJ_ENV": "production", "AUTODJ_PUBLIC_URL": "https://dj.example.net"}


def faults(**environ: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load({**BASE, **environ})
    return caught.value.faults


def test_a_secret_is_all_that_a_laptop_needs() -> None:
    settings = load(BASE)
    assert (settings.publish_to, settings.production) == ("local", False)
    assert settings.media_root == settings.data_dir / "media"
    assert settings.database_url.startswith("sqlite+aiosqlite:///")


@pytest.mark.parametrize(
    ("names", "value"),
    [
        (("S3_BUCKET_NAME", "AWS_STORAGE_BUCKET_NAME"), "crates"),
        (("AWS_REGION", "S3_REGION", "AWS_S3_REGION_NAME", "AWS_DEFAULT_REGION"), "eu-central-1"),
    ],
)
def test_every_alias_means_the_same_and_two_that_disagree_are_both_named(
    names: tuple[str, ...], value: str
) -> None:
    for name in names:
        settings = load({**BASE, name: value})
        assert value in {settings.s3.bucket, settings.s3.region}
    assert load({**BASE, **dict.fromkeys(names, value)})
    for other in names[1:]:
        (fault,) = faults(**{names[0]: value, other: f"{value}x"})
        assert names[0] in fault
        assert other in fault


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("S3_BUCKET_NAME", "your-s3-bucket-name"),
        ("AWS_STORAGE_BUCKET_NAME", "your-bucket-name"),
        ("S3_BUCKET_NAME", "plugs-bucket"),
        ("AWS_ACCESS_KEY_ID", "your_aws_access_key_id"),
        ("AWS_SECRET_ACCESS_KEY", "your_aws_secret_access_key"),
        ("AWS_ACCESS_KEY_ID", "your-access-key"),
        ("CLOUDFRONT_DOMAIN", "your-cloudfront-domain.cloudfront.net"),
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    ],
)
def test_sample_values_refuse_to_start_without_being_printed(name: str, value: str) -> None:
    listed = faults(**{name: value})
    assert any(fault.startswith(f"{name} still holds a sample value") for fault in listed)
    assert value not in " ".join(listed)


@pytest.mark.parametrize(
    "weak", ["", "short", "a" * 64, "changeme" * 8, "secret-but-long-enough-0123456789abcdef"]
)
def test_weak_secrets_refuse_to_start(weak: str) -> None:
    listed = faults(AUTODJ_SECRET=weak)
    assert [fault.split()[0] for fault in listed] == ["AUTODJ_SECRET"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MEDIA_ROOT", "media"),
        ("MEDIA_ROOT", "/"),
        ("AUTODJ_DATA_DIR", "data"),
        ("S3_BUCKET_NAME", "Crates"),
        ("S3_BUCKET_NAME", "10.0.0.1"),
        ("S3_BUCKET_NAME", "a..b"),
        ("S3_PREFIX", "/x"),
        ("MAX_TRACK_BYTES", "-1"),
        ("MAX_TRACK_BYTES", "1e9"),
        ("LINK_TTL_S", "5"),
        ("LOCAL_RETENTION", "soon"),
        ("S3_USE_IAM_ROLE", "maybe"),
        ("FILE_STORAGE_TYPE", "ftp"),
        ("S3_EXPECTED_BUCKET_OWNER", "me"),
        ("CLOUDFRONT_DOMAIN", "https://a b"),
        ("CLOUDFRONT_PRIVATE_KEY", "/nowhere/key.pem"),
        ("LOG_LEVEL", "loud"),
        ("CLOUDFRONT_DOMAIN", "localhost:99999"),
        ("AUTODJ_PUBLIC_URL", "ftp://x"),
        ("AUTODJ_PUBLIC_URL", "http://[x"),
        ("AUTODJ_PUBLIC_URL", "http://x:0"),
        ("AUTODJ_PUBLIC_URL", "http://x:99999"),
        ("DATABASE_URL", "postgresql://ada@x:port/y"),
        ("REDIS_URL", "localhost:6379"),
        ("REDIS_URL", "redis:/localhost"),
        ("REDIS_URL", "http://localhost"),
        ("REDIS_URL", "redis://localhost:port/0"),
        ("REDIS_URL", "redis://:pass/word@localhost"),
        ("REDIS_URL", "redis://localhost/music"),
        ("REDIS_URL", "redis://localhost?db=music"),
        ("REDIS_URL", "redis:///0"),
        ("REDIS_URL", "unix://tmp/redis.sock"),
        ("DATABASE_URL", "mysql://x/y"),
    ],
)
def test_a_wrong_value_names_its_variable(name: str, value: str) -> None:
    assert any(fault.startswith(name) for fault in faults(**{name: value}))


def test_all_faults_are_listed_at_once() -> None:
    listed = faults(
        AUTODJ_SECRET="",
        MEDIA_ROOT="x",
        FILE_STORAGE_TYPE="s3",
        AWS_ACCESS_KEY_ID="AKIA0123456789",
        CLOUDFRONT_KEY_PAIR_ID="K2JCJMDEHXQW5F",
        S3_ENDPOINT_URL="http://s3.example.net",
    )
    named = {fault.split()[0] for fault in listed}
    assert named == {
        "AUTODJ_SECRET",
        "MEDIA_ROOT",
        "S3_BUCKET_NAME",
        "AWS_SECRET_ACCESS_KEY",
        "CLOUDFRONT_PRIVATE_KEY",
        "CLOUDFRONT_DOMAIN",
        "S3_ENDPOINT_URL",
    }


@pytest.mark.parametrize("name", ["S3_ENDPOINT_URL", "CLOUDFRONT_DOMAIN", "AUTODJ_PUBLIC_URL"])
def test_production_insists_on_https(name: str) -> None:
    assert load(PRODUCTION).publish_to == "s3"
    with pytest.raises(SettingsError) as caught:
        load({**PRODUCTION, name: "http://127.0.0.1:9000"})
    assert caught.value.faults == (f"{name} must be https in production",)


def test_production_keeps_old_copies_as_long_as_the_longest_link_lives() -> None:
    life = {"LINK_TTL_S": "600", "LINK_WINDOW_S": "60", "MAX_TRACK_DURATION_S": "3600"}
    assert load({**PRODUCTION, **life, "CLEAN_GRACE_S": "4560"}).longest_link_s == 4560
    with pytest.raises(SettingsError) as caught:
        load({**PRODUCTION, **life, "CLEAN_GRACE_S": "4559"})
    [fault] = caught.value.faults
    assert fault.startswith("CLEAN_GRACE_S must be at least 4560")
    assert "LINK_WINDOW_S + LINK_TTL_S + MAX_TRACK_DURATION_S + 300" in fault
    assert load({**S3, **life, "CLEAN_GRACE_S": "1"}).clean_grace_s == 1


PEM = "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----\n"
FIRST = {
    "CLOUDFRONT_DOMAIN": "d111111abcdef8.cloudfront.net",
    "CLOUDFRONT_KEY_PAIR_ID": "K2JCJMDEHXQW5F",
    "CLOUDFRONT_PRIVATE_KEY": PEM,
}
SECOND = {"CLOUDFRONT_SECOND_KEY_PAIR_ID": "KOLDKEY1", "CLOUDFRONT_SECOND_PRIVATE_KEY": PEM}


def test_the_second_key_comes_with_its_id_and_its_secret_is_not_shown() -> None:
    settings = load({**S3, **FIRST, **SECOND})
    assert settings.cdn.second_keys == {"KOLDKEY1": PEM}
    assert "PRIVATE" not in repr(settings)
    assert load({**S3, **FIRST}).cdn.second_keys == {}


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (
            FIRST | {"CLOUDFRONT_SECOND_KEY_PAIR_ID": "KOLDKEY1"},
            "CLOUDFRONT_SECOND_PRIVATE_KEY is missing, and CLOUDFRONT_SECOND_KEY_PAIR_ID is set",
        ),
        (
            FIRST | {"CLOUDFRONT_SECOND_PRIVATE_KEY": PEM},
            "CLOUDFRONT_SECOND_KEY_PAIR_ID is missing, and CLOUDFRONT_SECOND_PRIVATE_KEY is set",
        ),
        (
            SECOND,
            "CLOUDFRONT_KEY_PAIR_ID is missing, and CLOUDFRONT_SECOND_KEY_PAIR_ID is set",
        ),
        (
            FIRST | SECOND | {"CLOUDFRONT_SECOND_KEY_PAIR_ID": "K2JCJMDEHXQW5F"},
            "CLOUDFRONT_SECOND_KEY_PAIR_ID is the id of the first key",
        ),
        (
            {"CLOUDFRONT_PUBLIC_LINKS": "true"},
            "CLOUDFRONT_KEY_PAIR_ID is missing, and CLOUDFRONT_PUBLIC_LINKS is true",
        ),
    ],
)
def test_what_belongs_to_a_key_is_missed_by_name(given: dict[str, str], fault: str) -> None:
    assert faults(**S3, **given) == (fault,)


@pytest.mark.parametrize("part", ["ANALYSIS_TIMEOUT_S", "FETCH_TOTAL_S"])
def test_a_job_may_take_longer_than_any_part_of_it(part: str) -> None:
    assert faults(**BASE, **{part: "330"}) == (
        f"JOB_TIMEOUT_S must be more than {part}, which is 330",
    )
    assert load({**BASE, part: "330", "JOB_TIMEOUT_S": "331"}).worker.job_timeout_s == 331


def test_production_without_a_bucket_does_not_fall_back_to_local() -> None:
    without = {name: value for name, value in PRODUCTION.items() if name != "S3_BUCKET_NAME"}
    with pytest.raises(SettingsError) as caught:
        load({name: value for name, value in without.items() if name != "FILE_STORAGE_TYPE"})
    assert caught.value.faults == ("S3_BUCKET_NAME is missing, and FILE_STORAGE_TYPE is s3",)


def test_the_role_switch_ignores_static_credentials() -> None:
    keys = {"AWS_ACCESS_KEY_ID": "AKIA0123456789", "AWS_SECRET_ACCESS_KEY": "k" * 40}
    assert load({**S3, **keys}).s3.access_key == "AKIA0123456789"
    assert load({**S3, **keys, "S3_USE_IAM_ROLE": "true"}).s3.access_key is None


@pytest.mark.parametrize(("text", "days"), [("delete", 0), ("keep", None), ("30d", 30), ("7", 7)])
def test_local_retention_reads_as_written(text: str, days: int | None) -> None:
    assert load({**BASE, "LOCAL_RETENTION": text}).local_retention.days == days


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("postgres://u:p@h/d", "postgresql+asyncpg://u:p@h/d"),
        ("postgresql://u:p@h/d", "postgresql+asyncpg://u:p@h/d"),
        ("sqlite:////tmp/x.db", "sqlite+aiosqlite:////tmp/x.db"),
    ],
)
def test_database_urls_get_the_driver_we_ship(url: str, driver: str) -> None:
    assert load({**BASE, "DATABASE_URL": url}).database_url == driver
    assert database_url({"DATABASE_URL": url}) == driver


@pytest.mark.parametrize(
    "url",
    [
        "redis://127.0.0.1:6379/0",
        "rediss://ada:p%40ss@broker.example.org:6380/",
        "redis://:p@ss@[::1]:6379/3",
        "redis://localhost?db=2",
        "unix:///run/redis.sock?db=1",
    ],
)
def test_a_broker_that_is_taken_can_be_read_by_the_workers(url: str) -> None:
    settings = RedisSettings.from_dsn(load({**BASE, "REDIS_URL": url}).redis_url)
    assert settings.unix_socket_path == ("/run/redis.sock" if url.startswith("unix") else None)


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("D111.cloudfront.net", "https://d111.cloudfront.net"),
        ("http://localhost:8100", "http://localhost:8100"),
    ],
)
def test_a_cdn_is_named_by_its_host(text: str, origin: str) -> None:
    assert load({**BASE, "CLOUDFRONT_DOMAIN": text}).cdn.origin == origin


def test_a_cdn_that_no_page_may_name_is_refused_with_the_reason() -> None:
    [fault] = faults(CLOUDFRONT_DOMAIN="http://[::1]:8100")
    assert fault.startswith("CLOUDFRONT_DOMAIN must be a name: no page may play from an IPv6")


@pytest.mark.parametrize("home", ["relative", None])
def test_without_a_home_folder_the_data_folder_has_to_be_named(
    home: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(_user: int) -> NoReturn:
        raise KeyError

    monkeypatch.setattr("pwd.getpwuid", unknown)
    monkeypatch.delenv("HOME")
    if home is not None:
        monkeypatch.setenv("HOME", home)
    fault = "AUTODJ_DATA_DIR lies in the home folder, and HOME is not an absolute folder"
    assert faults() == (fault,)
    with pytest.raises(SettingsError, match=fault):
        data_dir({})
    [first] = faults(AUTODJ_DATA_DIR="data")
    assert first == "AUTODJ_DATA_DIR must be an absolute folder, and not /"
    assert load({**BASE, "AUTODJ_DATA_DIR": str(tmp_path)}).data_dir == tmp_path


def test_a_private_key_may_be_a_file_or_text(tmp_path: Path) -> None:
    pem = "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----\n"
    file = tmp_path / "key.pem"
    file.write_text(pem)
    cdn = {
        **S3,
        "CLOUDFRONT_DOMAIN": "d111111abcdef8.cloudfront.net",
        "CLOUDFRONT_KEY_PAIR_ID": "K2JCJMDEHXQW5F",
    }
    for given in (str(file), pem, pem.replace("\n", "\\n")):
        settings = load({**cdn, "CLOUDFRONT_PRIVATE_KEY": given})
        assert settings.cdn.private_key == pem
        assert settings.cdn.origin == "https://d111111abcdef8.cloudfront.net"


def test_no_secret_is_in_the_repr() -> None:
    settings = load(
        {**S3, "AWS_ACCESS_KEY_ID": "AKIA0123456789", "AWS_SECRET_ACCESS_KEY": "k" * 40}
    )
    assert isinstance(settings, Settings)
    for hidden in (SECRET, "AKIA0123456789", "k" * 40):
        assert hidden not in repr(settings)


def test_the_names_that_users_know_are_all_read() -> None:
    known = {name for setting in SETTINGS for name in setting.names}
    assert known >= {
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_REGION",
        "S3_REGION",
        "AWS_S3_REGION_NAME",
        "AWS_DEFAULT_REGION",
        "S3_BUCKET_NAME",
        "AWS_STORAGE_BUCKET_NAME",
        "CLOUDFRONT_DOMAIN",
        "FILE_STORAGE_TYPE",
        "AWS_S3_PROJECT_PREFIX",
        "S3_USE_IAM_ROLE",
        "MAX_FILE_SIZE",
        "MEDIA_ROOT",
    }
