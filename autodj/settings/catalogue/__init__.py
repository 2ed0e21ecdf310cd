"""Every setting that autodj reads, once: names, default, kind and one line of meaning.

``env.example`` and ``docs/configuration.md`` are this catalogue, in this order.
"""

from __future__ import annotations

from autodj.settings.catalogue.cloudfront import CLOUDFRONT
from autodj.settings.catalogue.files import FILES
from autodj.settings.catalogue.limits import LIMITS
from autodj.settings.catalogue.process import PROCESS
from autodj.settings.catalogue.queue import QUEUE
from autodj.settings.catalogue.renditions import RENDITIONS
from autodj.settings.catalogue.s3 import S3
from autodj.settings.catalogue.setting import Section, Setting
from autodj.settings.catalogue.workers import WORKERS

__all__ = ["CATALOGUE", "SETTINGS", "Section", "Setting"]

CATALOGUE: tuple[Section, ...] = (
    PROCESS,
    QUEUE,
    FILES,
    S3,
    CLOUDFRONT,
    LIMITS,
    RENDITIONS,
    WORKERS,
)

SETTINGS: tuple[Setting, ...] = tuple(s for section in CATALOGUE for s in section.settings)
