"""A track's bytes to facts on its row and an analysis document in the store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import structlog

from autodj.audio.facts import ANALYSIS_VERSION, Analysis, DecodeLimits, Tags
from autodj.audio.identify import identify
from autodj.audio.recipes import RenditionName, Wishes
from autodj.audio.sandbox import Sandbox
from autodj.db import AnalysisState, Database, FileSource, Track
from autodj.db import renditions as rendition_rows
from autodj.db import tracks as track_rows
from autodj.errors import AudioRejected, SourceUnreadable, UnsupportedMedia
from autodj.storage.base import Storage
from autodj.storage.disk import disk_errors
from autodj.storage.download import download
from autodj.storage.local import LocalStorage
from autodj.tracks.corrections.grid import even_times_s
from autodj.tracks.documents import pack, store_document
from autodj.tracks.overview import overview
from autodj.tracks.policy import NO_RENDITIONS
from autodj.tracks.progress import report, watched
from autodj.tracks.rendition_plan import names_for

log = structlog.get_logger(__name__)


async def analyze_track(
    db: Database,
    local: LocalStorage,
    s3: Storage | None,
    sandbox: Sandbox,
    limits: DecodeLimits,
    track_id: UUID,
    wishes: Wishes = NO_RENDITIONS,
) -> None:
    """Measure the track wherever its bytes are, and store what was found, together with the
    rows of the renditions that it is to have.

    Audio that cannot be analysed is recorded as such and stays playable. Store failures
    raise, and the row stays due.
    """
    async with db.read_session() as session:
        track = await track_rows.get(session, track_id)
    await report(db, track_id, "analyze", 0.0)
    names: Sequence[RenditionName] = ()
    try:
        async with readable(local, s3, track) as path:
            names = await names_for(track, path, wishes)
            analysis, tags = await _measure(db, sandbox, limits, track, path)
    except (AudioRejected, UnsupportedMedia) as rejection:
        failed: dict[str, object] = {"analysis_failure": rejection.code}
        if track.analysis_state is not AnalysisState.DONE:  # what was measured once is kept
            failed["analysis_state"] = AnalysisState.FAILED
        # Another worker may have measured it meanwhile: time and memory are not always the same.
        await _save(db, track, failed, names, instead_of=track)
        log.warning("analysis_failed", track_id=str(track_id), code=rejection.code)
        return
    key = await store_document(local, track.id, await asyncio.to_thread(pack, analysis, tags))
    stored = {"analysis_key": key, "analysis_source": FileSource.LOCAL}
    if not await _save(db, track, {**facts_of(analysis), **stored}, names):
        await local.delete(key)
        return
    # One on S3 is left to the sweep: somebody may just be following a link to it.
    if track.analysis_key not in {None, key} and track.analysis_source is FileSource.LOCAL:
        await local.delete(str(track.analysis_key))


@asynccontextmanager
async def readable(local: LocalStorage, s3: Storage | None, track: Track) -> AsyncGenerator[Path]:
    """A path with the track's bytes: the local file, or a temporary download from S3.

    The download is checked against the recorded hash and always removed.
    """
    if track.file_source is FileSource.LOCAL and track.file_path is not None:
        with disk_errors(track.file_path):  # another worker may have cleaned it by now
            yield local.path(track.file_path)
        return
    if s3 is None or track.s3_object_key is None:
        raise SourceUnreadable("The track is on S3, and no S3 store is configured")
    path = local.incoming()
    try:
        await _download(s3, track, path)
        yield path
    finally:
        await asyncio.to_thread(path.unlink, missing_ok=True)


async def _download(s3: Storage, track: Track, path: Path) -> None:
    assert track.s3_object_key is not None
    await download(s3, track.s3_object_key, path, sha256=track.sha256, size_bytes=track.size_bytes)


async def _measure(
    db: Database, sandbox: Sandbox, limits: DecodeLimits, track: Track, path: Path
) -> tuple[Analysis, Tags]:
    container = await asyncio.to_thread(identify, path)

    async def tell(share: float) -> None:
        await report(db, track.id, "analyze", share * 0.8)

    analysis = await watched(lambda hear: sandbox.analyze(path, container, limits, hear), tell)
    try:
        return analysis, await sandbox.tags(path, container)
    except AudioRejected:  # what was measured is worth more than what somebody wrote
        return analysis, Tags()


def facts_of(analysis: Analysis) -> dict[str, object]:
    """The columns of a track that its analysis fills."""
    return {
        "analysis_state": AnalysisState.DONE,
        "analysis_version": ANALYSIS_VERSION,
        "analysis_failure": None,
        "bpm": analysis.bpm,
        "bpm_confidence": analysis.bpm_confidence,
        "bpm_alternative": analysis.bpm_alternative,
        "musical_key": analysis.key,
        "camelot": analysis.camelot,
        "key_confidence": analysis.key_confidence,
        "integrated_lufs": analysis.integrated_lufs,
        "true_peak_dbtp": analysis.true_peak_dbtp,
        "loudness_range_lu": analysis.loudness_range_lu,
        "open_key": analysis.open_key,
        "energy": analysis.energy,
        "metre": analysis.metre,
        "grid": analysis.grid,
        "first_downbeat_s": _first_downbeat_s(analysis),
        "overview": overview(analysis.waveform),
    }


def _first_downbeat_s(analysis: Analysis) -> float | None:
    """Where an even grid has it, which may be a little before the track."""
    if not analysis.downbeats_s:
        return None
    first_s = analysis.downbeats_s[0]
    starts = analysis.grid == "constant" and first_s == analysis.beats_s[0]
    return even_times_s(analysis.beats_s)[0] if starts else first_s


async def _save(
    db: Database,
    track: Track,
    facts: Mapping[str, object],
    names: Sequence[RenditionName],
    instead_of: Track | None = None,
) -> bool:
    now = await db.now()
    async with db.transaction() as session:
        saved = await track_rows.save_analysis(
            session, track.id, dict(facts), now=now, instead_of=instead_of
        )
        await rendition_rows.want(session, track.id, names, now=now)
    return saved
