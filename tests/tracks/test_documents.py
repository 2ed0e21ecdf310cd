"""The analysis document between the stores: one good copy for every reader, whatever dies when."""

from __future__ import annotations

import asyncio
import gzip
import json
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest

from autodj.audio.facts import ANALYSIS_VERSION, Analysis, Tags, Waveform
from autodj.cdn.signer import CloudFrontSigner
from autodj.db import AnalysisState, Database, FileSource, Track
from autodj.db import tracks as track_rows
from autodj.errors import Conflict, IntegrityFault, NotFound, ObjectNotFound, StoreTimeout
from autodj.storage.base import ObjectStat
from autodj.storage.keys import parse_key
from autodj.storage.local import LocalStorage
from autodj.storage.s3 import S3Storage
from autodj.storage.whole import exists, load
from autodj.tracks import documents
from autodj.tracks.documents import (
    link_to_document,
    pack,
    publish_document,
    read_document,
    store_document,
    unpack,
)
from autodj.tracks.publish import delete_track
from autodj.tracks.reconcile import wake_misplaced
from autodj.tracks.steps import Step, next_step
from autodj.tracks.sweeping import sweep_orphans
from autodj.tracks.work import Workbench, work
from tests.builders import MOMENT, make_track
from tests.tracks.conftest import TO_S3
from tests.tracks.test_sharing import LINKS, on_sqlite

ANALYSIS = Analysis(
    version=ANALYSIS_VERSION,
    duration_s=180.0,
    bpm=120.0,
    bpm_confidence=0.9,
    bpm_alternative=60.0,
    beats_s=(0.5, 1.0),
    key="A minor",
    camelot="8A",
    key_confidence=0.8,
    integrated_lufs=-9.0,
    true_peak_dbtp=-0.5,
    waveform=Waveform(50.0, (9, 8), (1, 2), (3, 4), (5, 6), (-4, -3), (4, 3)),
)
TAGS = Tags(title="Night Bus", bpm="120", key="Am", replaygain_track_gain="-8.9 dB")


@pytest.fixture
async def published(db: Database, local: LocalStorage, owner_id: UUID) -> Track:
    """A track that is on S3 while its document is still here."""
    track = make_track(
        owner_id, file_source=FileSource.S3, file_path=None, s3_object_key="tracks/there"
    )
    track.analysis_state, track.analysis_version = AnalysisState.DONE, ANALYSIS_VERSION
    track.analysis_key = await store_document(local, track.id, pack(ANALYSIS, TAGS))
    async with db.transaction() as session:
        session.add(track)
    return await row(db, track.id)


async def row(db: Database, track_id: UUID) -> Track:
    async with db.transaction() as session:
        return await track_rows.get(session, track_id)


def key_of(track: Track) -> str:
    assert track.analysis_key is not None
    return track.analysis_key


def test_a_document_says_what_was_measured_and_what_the_file_says_the_same_each_time() -> None:
    packed = pack(ANALYSIS, TAGS)
    assert packed == pack(ANALYSIS, TAGS)
    document = unpack(packed)
    assert document["tags"] == {
        "bpm": "120",
        "key": "Am",
        "replaygain_track_gain": "-8.9 dB",
        "replaygain_track_peak": None,
    }
    tags = document.pop("tags")
    assert tags
    assert Analysis.from_document(document) == ANALYSIS


@pytest.mark.parametrize(
    "spoilt",
    [
        b"",
        b"{}",
        gzip.compress(b"{", mtime=0),
        gzip.compress(b"[]", mtime=0),
        pack(ANALYSIS, TAGS)[:-9],
    ],
)
def test_what_was_never_packed_is_a_fault_of_the_store(spoilt: bytes) -> None:
    with pytest.raises(IntegrityFault):
        unpack(spoilt)


async def test_a_document_follows_its_track_gzipped_and_checked(
    db: Database, local: LocalStorage, real_s3: S3Storage, published: Track
) -> None:
    key = key_of(published)
    parts = parse_key(key)
    assert parts is not None
    assert parts.version == ANALYSIS_VERSION
    assert next_step(published, TO_S3, MOMENT) is Step.PUBLISH
    await publish_document(db, local, real_s3, published.id)
    stat = await real_s3.stat(key)
    assert (stat.content_type, stat.described.content_encoding) == ("application/json", "gzip")
    assert stat.sha256 == parts.sha256
    track = await row(db, published.id)
    assert track.analysis_source is FileSource.S3
    assert next_step(track, TO_S3, MOMENT) is None
    assert not local.path(key).exists()
    assert unpack(await read_document(local, real_s3, track))["bpm"] == 120.0


@on_sqlite
async def test_a_document_published_twice_and_at_once_is_published_once(
    bench: Workbench, real_s3: S3Storage, published: Track
) -> None:
    await asyncio.gather(*(work(bench, published.id, Step.PUBLISH) for _ in range(3)))
    await work(bench, published.id, Step.PUBLISH)
    found = [stat.key async for stat in real_s3.list(f"analysis/{published.id}/")]
    track = await row(bench.db, published.id)
    assert found == [track.analysis_key] == [published.analysis_key]
    assert (track.analysis_source, track.failure) == (FileSource.S3, None)


async def test_who_finds_the_document_gone_because_another_has_published_it_has_not_failed(
    bench: Workbench, real_s3: S3Storage, published: Track, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = iter([True])

    async def late(*given: Any, **more: Any) -> bytes:
        if next(others, False):
            await publish_document(bench.db, bench.local, real_s3, published.id)
        return await load(*given, **more)

    monkeypatch.setattr(documents, "load", late)
    await work(bench, published.id, Step.PUBLISH)
    track = await row(bench.db, published.id)
    assert (track.analysis_source, track.failure, track.attempts) == (FileSource.S3, None, 0)


@on_sqlite
async def test_until_the_store_has_proved_the_document_readers_stay_here(
    db: Database,
    local: LocalStorage,
    real_s3: S3Storage,
    published: Track,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def silent(*_: object, **__: object) -> ObjectStat:
        raise StoreTimeout

    monkeypatch.setattr(real_s3, "verify", silent)
    with pytest.raises(StoreTimeout):
        await publish_document(db, local, real_s3, published.id)
    track = await row(db, published.id)
    assert track.analysis_source is FileSource.LOCAL
    assert json.loads(gzip.decompress(await read_document(local, real_s3, track)))


async def test_a_document_that_was_replaced_while_it_went_is_not_what_readers_are_sent_to(
    db: Database,
    local: LocalStorage,
    real_s3: S3Storage,
    published: Track,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    verify, newer = real_s3.verify, pack(replace(ANALYSIS, bpm=121.0), TAGS)

    async def measured_again(key: str, *, sha256: str, size_bytes: int) -> ObjectStat:
        newer_key = await store_document(local, published.id, newer)
        async with db.transaction() as session:
            facts: dict[str, object] = {"analysis_key": newer_key}
            await track_rows.save_analysis(session, published.id, facts, now=MOMENT)
        return await verify(key, sha256=sha256, size_bytes=size_bytes)

    monkeypatch.setattr(real_s3, "verify", measured_again)
    with pytest.raises(Conflict):
        await publish_document(db, local, real_s3, published.id)
    monkeypatch.undo()
    track = await row(db, published.id)
    assert track.analysis_source is FileSource.LOCAL
    assert await read_document(local, real_s3, track) == newer
    await publish_document(db, local, real_s3, published.id)
    later = await db.now() + timedelta(days=2)
    assert await sweep_orphans(db, real_s3, before=later, source=FileSource.S3) == 1
    track = await row(db, published.id)
    assert await read_document(local, real_s3, track) == newer


@on_sqlite
async def test_a_copy_that_a_dead_worker_left_here_is_swept_and_the_good_one_never(
    db: Database,
    local: LocalStorage,
    real_s3: S3Storage,
    published: Track,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def dead(_: str) -> None:
        raise StoreTimeout

    monkeypatch.setattr(local, "delete", dead)
    with pytest.raises(StoreTimeout):
        await publish_document(db, local, real_s3, published.id)
    monkeypatch.undo()
    later = await db.now() + timedelta(days=2)
    assert local.path(key_of(published)).exists()
    assert await sweep_orphans(db, local, before=later, source=FileSource.LOCAL) == 1
    assert not local.path(key_of(published)).exists()
    assert await sweep_orphans(db, real_s3, before=later, source=FileSource.S3) == 0
    assert await exists(real_s3, key_of(published))


async def test_damaged_bytes_under_its_key_cost_a_document_no_more_than_the_key(
    bench: Workbench, real_s3: S3Storage, published: Track
) -> None:
    key, other = key_of(published), b"what a store made of it"
    await real_s3.put(key, other, sha256=sha256(other).hexdigest(), content_type="text/plain")
    await work(bench, published.id, Step.PUBLISH)
    track = await row(bench.db, published.id)
    assert (track.analysis_source, track.failure) == (FileSource.LOCAL, "object_exists")
    assert key_of(track) != key
    assert not bench.local.path(key).exists()
    await work(bench, published.id, Step.PUBLISH)
    track = await row(bench.db, published.id)
    assert (track.analysis_source, track.failure) == (FileSource.S3, None)
    assert await read_document(bench.local, real_s3, track) == pack(ANALYSIS, TAGS)
    later = await bench.db.now() + timedelta(days=2)
    assert await sweep_orphans(bench.db, real_s3, before=later, source=FileSource.S3) == 1


@on_sqlite
async def test_a_document_on_its_way_is_no_orphan_in_either_store(
    db: Database, local: LocalStorage, real_s3: S3Storage, published: Track
) -> None:
    packed, key = pack(ANALYSIS, TAGS), key_of(published)
    await real_s3.put(
        key, packed, sha256=documents.sha256_of(key), content_type=documents.CONTENT_TYPE
    )
    later = await db.now() + timedelta(days=2)
    assert await sweep_orphans(db, real_s3, before=later, source=FileSource.S3) == 0
    assert await sweep_orphans(db, local, before=later, source=FileSource.LOCAL) == 0


@on_sqlite
async def test_a_document_goes_with_its_track_from_both_stores(
    db: Database, local: LocalStorage, real_s3: S3Storage, published: Track, owner_id: UUID
) -> None:
    key, packed = key_of(published), pack(ANALYSIS, TAGS)
    await publish_document(db, local, real_s3, published.id)
    await store_document(local, published.id, packed)  # as a worker that died would leave it
    async with db.transaction() as session:
        await track_rows.condemn(session, published.id, owner_id, now=MOMENT)
    await delete_track(db, local, real_s3, published.id)
    assert not local.path(key).exists()
    assert not await exists(real_s3, key)


async def test_documents_from_before_follow_their_tracks_after_a_start(
    db: Database, published: Track, owner_id: UUID
) -> None:
    at_home = make_track(owner_id, analysis_state=AnalysisState.DONE, analysis_key="analysis/x")
    async with db.transaction() as session:
        session.add(at_home)
    assert await wake_misplaced(db, TO_S3) == 1
    assert (await row(db, published.id)).next_attempt_at is not None
    assert await wake_misplaced(db, TO_S3) == 0


@on_sqlite
async def test_who_read_the_row_before_the_document_moved_finds_it_all_the_same(
    db: Database, local: LocalStorage, real_s3: S3Storage, published: Track
) -> None:
    await publish_document(db, local, real_s3, published.id)
    assert published.analysis_source is FileSource.LOCAL
    assert await read_document(local, real_s3, published) == pack(ANALYSIS, TAGS)
    with pytest.raises(ObjectNotFound):
        await read_document(local, None, published)
    published.analysis_key = None
    with pytest.raises(NotFound):
        await read_document(local, real_s3, published)


@on_sqlite
@pytest.mark.parametrize(
    ("changes", "start"),
    [
        ({}, "https://d1.cloudfront.net/analysis/"),
        ({"cdn": None}, None),
        ({"customer_key": True}, None),
        ({"storage_class": "GLACIER"}, "https://d1.cloudfront.net/analysis/"),
    ],
)
async def test_links_to_documents_are_those_of_a_private_track(
    published: Track, changes: dict[str, Any], start: str | None, real_s3: S3Storage
) -> None:
    assert await link_to_document(published, LINKS, MOMENT) is None  # not there yet
    published.analysis_source = FileSource.S3
    published.visibility = type(published.visibility).PUBLIC
    links = replace(LINKS, s3=real_s3, **changes)
    link = await link_to_document(published, links, MOMENT)
    if start is None and "customer_key" in changes:
        assert link is None
        return
    assert link is not None
    assert key_of(published) in link
    assert "Signature=" in link
    if start is not None:
        assert link.startswith(start)
    assert link == await link_to_document(published, links, MOMENT) or start is None


@on_sqlite
async def test_a_cdn_that_signs_nothing_gives_plain_links(published: Track) -> None:
    published.analysis_source = FileSource.S3
    plain = replace(LINKS, cdn=CloudFrontSigner("d1.cloudfront.net"))
    link = await link_to_document(published, plain, MOMENT)
    assert link == f"https://d1.cloudfront.net/{published.analysis_key}"
