"""The process itself: where it is, what it signs with, how it logs."""

from __future__ import annotations

from autodj.settings import addresses, parsers
from autodj.settings.catalogue.setting import Section, Setting

PROCESS = Section(
    "The process",
    (
        Setting(
            "AUTODJ_ENV",
            "development or production; production insists on https, S3 and a strong secret",
            "development",
            parsers.one_of("development", "production"),
        ),
        Setting(
            "AUTODJ_SECRET",
            "signs tokens, sessions and local links; at least 32 random bytes "
            "(`autodj secret` prints one)",
            parse=parsers.secret,
            secret=True,
        ),
        Setting(
            "AUTODJ_PUBLIC_URL",
            "where browsers reach this server",
            "http://127.0.0.1:8000",
            addresses.http_url,
        ),
        Setting(
            "AUTODJ_DATA_DIR",
            "absolute folder for the database, local files and logs",
            "~/.local/share/autodj",
            parsers.absolute_path,
        ),
        Setting(
            "LOG_LEVEL",
            "debug, info, warning or error",
            "info",
            parsers.one_of("debug", "info", "warning", "error"),
        ),
        Setting(
            "LOG_FORMAT",
            "json for machines, text for people",
            "json",
            parsers.one_of("json", "text"),
        ),
    ),
)
