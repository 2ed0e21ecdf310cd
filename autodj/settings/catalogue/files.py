"""Where files live, and how long a copy here outlives a move."""

from __future__ import annotations

from autodj.settings import parsers
from autodj.settings.catalogue.setting import Section, Setting

FILES = Section(
    "Where files live",
    (
        Setting(
            "FILE_STORAGE_TYPE",
            "local or s3: where tracks are published to; "
            "empty: local in development, s3 in production",
            parse=parsers.one_of("", "local", "s3"),
        ),
        Setting(
            "STORAGE_CONFIG",
            "absolute path of a YAML file with baskets (docs/storage.md); what it says goes "
            "over these settings",
            parse=parsers.optional(parsers.absolute_path),
        ),
        Setting(
            "MEDIA_ROOT",
            "absolute folder of the local store; empty: media in the data folder",
            parse=parsers.optional(parsers.absolute_path),
        ),
        Setting(
            "LOCAL_RETENTION",
            "the local copy of a published track: delete (after the grace), keep, "
            "or a number of days such as 30d",
            "delete",
            parsers.retention,
        ),
        Setting(
            "CLEAN_GRACE_S",
            "seconds the old copy stays readable after a track moved; in production at least "
            "LINK_WINDOW_S + LINK_TTL_S + MAX_TRACK_DURATION_S + 300, the longest life of "
            "a link",
            "18000",
            parsers.whole(0, 30 * 86400),
        ),
    ),
)
