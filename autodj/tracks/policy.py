"""How tracks move, as the settings want it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from autodj.audio.recipes import RenditionMode, Wishes
from autodj.settings import Settings
from autodj.settings.baskets import Basket, Kind
from autodj.settings.model import RenditionSettings

FOR_EVER = datetime(9999, 12, 31, tzinfo=UTC)
STEP_TIMEOUT_S = 330
NO_RENDITIONS = Wishes(mode=RenditionMode.NEVER)


@dataclass(frozen=True, slots=True)
class Policy:
    """Whether tracks go to S3, and how long the old copy stays.

    ``keep_local_s`` is counted from the flip; None keeps the local copy for ever.
    ``lease_s``: a row that was sent to the workers is not sent again before.
    ``public_links``: what everybody may read lies on S3 a second time, without a signature.
    ``step_timeout_s``: a step that is not done by then counts as a failed try; one that codes
    audio has ``render_timeout_s`` more. ``wishes`` are for the renditions. Of tracks measured
    anew, ``reanalysis_at_once`` are under way.
    """

    publish_to_s3: bool
    keep_local_s: int | None
    lease_s: int
    analysis_version: int
    public_links: bool = False
    wishes: Wishes = NO_RENDITIONS
    step_timeout_s: int = STEP_TIMEOUT_S
    render_timeout_s: int = 1800
    reanalysis_at_once: int = 1

    @classmethod
    def of(cls, settings: Settings, analysis_version: int) -> Policy:
        days = settings.local_retention.days
        return cls(
            publish_to_s3=settings.publish_to == "s3",
            keep_local_s=None if days is None else max(settings.clean_grace_s, days * 86400),
            lease_s=settings.worker.job_timeout_s + 30,
            analysis_version=analysis_version,
            public_links=settings.cdn.public_links,
            wishes=_wishes(settings.renditions, settings.baskets.of(Kind.TRACKS)),
            step_timeout_s=settings.worker.job_timeout_s,
            render_timeout_s=settings.renditions.timeout_s,
            reanalysis_at_once=settings.worker.reanalysis_at_once,
        )

    def clean_after(self, now: datetime) -> datetime:
        if self.keep_local_s is None:
            return FOR_EVER
        return now + timedelta(seconds=self.keep_local_s)


def _wishes(settings: RenditionSettings, basket: Basket) -> Wishes:
    return Wishes(
        mode=RenditionMode(settings.mode),
        extension={"aac": "m4a", "mp3": "mp3"}[basket.rendition_format or settings.format],
        bit_rate_bps=basket.rendition_bit_rate_bps or settings.bit_rate_bps,
        lossless=settings.lossless,
        preview_s=settings.preview_s,
        preview_bit_rate_bps=settings.preview_bit_rate_bps,
    )
