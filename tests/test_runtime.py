"""The composition root opens what the settings describe."""

from __future__ import annotations

from pathlib import Path

from autodj.runtime import open_runtime, s3_config
from autodj.settings import Settings, load
from autodj.settings.baskets import Kind
from autodj.settings.encryption import Encryption
from autodj.storage.local import LocalStorage

SECRET = {"AUTODJ_SECRET": "q8Zr3vN0tYx7LmC2sKd9WbE5hUjP1aGf"}


def described(tmp_path: Path, text: str, **environ: str) -> Settings:
    file = tmp_path / "storage.yaml"
    file.write_text(text)
    folder = {"AUTODJ_DATA_DIR": str(tmp_path / "data")}
    return load({**SECRET, **folder, "STORAGE_CONFIG": str(file), **environ})


def test_tracks_go_into_the_bucket_of_their_basket(tmp_path: Path) -> None:
    text = """
storage:
  default_type: s3
  s3: {bucket: everything, region: eu-west-1}
  baskets:
    audio:
      kinds: [tracks]
      prefix: audio
      storage_class: STANDARD_IA
      encryption: {type: SSE-KMS, kms_key_id: alias/audio}
      max_retries: 1
"""
    config = s3_config(described(tmp_path, text, S3_BUCKET_NAME="another"))

    assert (config.bucket, config.region, config.key_prefix) == (
        "everything", "eu-west-1", "audio/",
    )  # fmt: skip
    assert (config.basket, config.storage_class) == ("audio", "STANDARD_IA")
    assert config.encryption == Encryption("SSE-KMS", kms_key_id="alias/audio")
    assert config.timing.attempts == 2


def test_without_a_file_the_bucket_is_that_of_the_environment() -> None:
    environ = {
        **SECRET,
        "S3_BUCKET_NAME": "crates",
        "S3_STORAGE_CLASS": "STANDARD_IA",
        "S3_PREFIX": "prod",
    }
    for wanted in ("s3", "local"):
        # Tracks that were published before may still be there when new ones stay local.
        config = s3_config(load({**environ, "FILE_STORAGE_TYPE": wanted}))
        assert (config.bucket, config.key_prefix) == ("crates", "prod/")
        assert config.encryption == Encryption("SSE-S3")
        assert config.storage_class == "STANDARD_IA"


async def test_each_kind_has_an_open_store(tmp_path: Path) -> None:
    text = f"""
storage:
  default_type: local
  local: {{root: {tmp_path / "all"}}}
  baskets:
    papers: {{kinds: [documents], root: {tmp_path / "papers"}, versioning: true}}
"""
    async with open_runtime(described(tmp_path, text)) as runtime:
        documents = runtime.stores.of(Kind.DOCUMENTS)

        assert runtime.stores.of(Kind.TRACKS) is runtime.local
        assert runtime.local.root == tmp_path / "all"
        assert isinstance(documents, LocalStorage)
        assert (documents.root, documents.versioned) == (tmp_path / "papers", True)


async def test_without_a_file_local_documents_keep_their_versions(tmp_path: Path) -> None:
    settings = load({**SECRET, "AUTODJ_DATA_DIR": str(tmp_path)})
    async with open_runtime(settings) as runtime:
        documents = runtime.stores.of(Kind.DOCUMENTS)

        assert isinstance(documents, LocalStorage)
        assert documents.root == runtime.local.root == tmp_path / "media"
        assert (documents.versioned, runtime.local.versioned) == (True, False)
