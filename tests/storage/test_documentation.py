"""docs/storage.md says what the code does: its examples run, its tables are complete."""

from __future__ import annotations

import ast
import inspect
import re
import types
from pathlib import Path

import pytest

from autodj import errors
from autodj.settings import load
from autodj.settings.baskets import STORAGE_CLASSES, Kind
from autodj.settings.storage.words import BASKET, LOCAL, S3
from autodj.storage.factory import basket_from
from autodj.storage.s3 import S3Config, S3Storage
from autodj.storage.s3.baskets import s3_config_of

TEXT = (Path(__file__).parents[2] / "docs" / "storage.md").read_text()
SSE = {"ServerSideEncryption": "AES256"}
EXAMPLES = re.findall(r"### (.+?)\n(?:(?!###).)*?```python\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture
def environment(moto_config: S3Config, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "FILE_STORAGE_TYPE": "s3",
        "S3_BUCKET_NAME": moto_config.bucket,
        "S3_ENDPOINT_URL": moto_config.endpoint_url,
        "S3_PATH_STYLE": "true",
        "S3_PREFIX": moto_config.prefix,
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
    }.items():
        monkeypatch.setenv(name, value or "")


@pytest.mark.parametrize(("title", "code"), EXAMPLES, ids=[title for title, _ in EXAMPLES])
async def test_each_example_runs(
    moto: S3Storage, environment: None, tmp_path: Path, title: str, code: str
) -> None:
    del moto, environment, title  # its bucket is there, and the examples find it
    code = code.replace("/tmp", str(tmp_path))
    compiled = compile(code, "docs/storage.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    running = types.FunctionType(compiled, {})()
    if inspect.isawaitable(running):
        await running


def test_there_is_an_example_of_every_feature() -> None:
    assert len(EXAMPLES) == TEXT.count("```python") == 8


def test_the_file_in_the_documentation_loads(tmp_path: Path) -> None:
    [text] = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    file = tmp_path / "storage.yaml"
    file.write_text(text)

    settings = load({
        "AUTODJ_SECRET": "q8Zr3vN0tYx7LmC2sKd9WbE5hUjP1aGf",
        "STORAGE_CONFIG": str(file),
        "AWS_ACCESS_KEY_ID": "AK",
        "AWS_SECRET_ACCESS_KEY": "SK",
    })  # fmt: skip

    tracks = settings.baskets.of(Kind.TRACKS)
    assert tracks.name == "audio"
    assert tracks.s3 is not None
    assert (tracks.s3.bucket, tracks.s3.access_key) == ("night-music", "AK")
    assert settings.baskets.of(Kind.COVERS).root == Path("/var/lib/autodj/pictures")
    assert settings.baskets.of(Kind.DOCUMENTS).encryption.kms_key_id == "alias/papers"


def rows(title: str) -> list[list[str]]:
    section = TEXT.partition(f"{title}\n")[2].partition("\n#")[0]
    found = [line.strip("| ").split(" | ") for line in section.splitlines() if line[:1] == "|"]
    return found[2:]


def test_every_word_of_the_file_is_in_the_tables_and_no_other() -> None:
    def words(title: str) -> set[str]:
        return {row[0].strip("`") for row in rows(title)}

    assert words("### In `s3` and in baskets of type `s3`") == {*S3, "encryption"}
    assert words("### In `local` and in baskets of type `local`") == {*LOCAL} - {"path"}
    assert words("### In every basket") == {*BASKET, "type", "kinds"}
    told = TEXT.partition("### In every basket")[2]
    assert all(f"`{each}`" in told for each in (*STORAGE_CLASSES, *Kind))


def test_what_is_to_be_set_for_each_server_can_be_set() -> None:
    settings = [
        dict(re.findall(r"`(\w+): ([^`]+)`", row[1])) for row in rows("### S3-compatible servers")
    ]

    assert len(settings) == 5
    for said in settings:
        basket = basket_from({"type": "s3", "bucket": "night-music", **said}, {})
        assert basket.s3 is not None
        sent = s3_config_of(basket)
        assert (sent.endpoint_url or "").lower() == said.get("endpoint_url", "").lower()
        assert sent.protection == ({} if said.get("encryption") == "none" else SSE)
        assert str(sent.transfers.multipart_bytes) == said.get("multipart_threshold", "5242880")


def test_the_table_of_errors_is_that_of_the_code() -> None:
    ours = {
        each.code: (str(each.status), "yes" if each.transient else "no")
        for each in vars(errors).values()
        if inspect.isclass(each)
        and (
            issubclass(each, errors.StoreError)
            or each
            in {
                errors.Conflict, errors.DiskFull, errors.InvalidField, errors.InvalidRequest,
                errors.NotOffered, errors.ObjectArchived, errors.ObjectExists,
                errors.ObjectNotFound, errors.PreconditionFailed, errors.RangeNotSatisfiable,
                errors.PictureRejected, errors.TooLarge, errors.Unavailable,
                errors.UnsupportedMedia,
            }
        )
    }  # fmt: skip

    assert {row[0].strip("`"): (row[1], row[2]) for row in rows("## Errors")} == ours


def test_the_faults_shown_are_those_that_are_told(tmp_path: Path) -> None:
    text = """
storage:
  default_type: s3
  baskets:
    papers: {bucket: fine, encryption: {type: SSE-KMS}}
    audio: {bucket: fine, kinds: [trakcs]}
"""
    file = tmp_path / "storage.yaml"
    file.write_text(text)
    with pytest.raises(errors.SettingsError) as caught:
        load({"AUTODJ_SECRET": "q8Zr3vN0tYx7LmC2sKd9WbE5hUjP1aGf", "STORAGE_CONFIG": str(file)})

    for fault in re.findall(r"^    (storage\..+)$", TEXT, re.MULTILINE):
        assert fault in caught.value.faults
