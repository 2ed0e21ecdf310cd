"""The database, and the broker that the workers listen at."""

from __future__ import annotations

from autodj.settings import addresses, parsers
from autodj.settings.catalogue.setting import Section, Setting

QUEUE = Section(
    "Database and queue",
    (
        Setting(
            "DATABASE_URL",
            "sqlite:///file or postgresql://...; empty: autodj.db in the data folder",
            parse=parsers.optional(addresses.database_url),
        ),
        Setting(
            "REDIS_URL",
            "the broker of the workers",
            "redis://127.0.0.1:6379/0",
            addresses.broker_url,
        ),
        Setting(
            "QUEUE_NAME",
            "the workers' queue in that broker",
            "autodj",
            parsers.matching(r"[a-z0-9:_-]{1,64}", "1 to 64 of a-z 0-9 : _ -"),
        ),
    ),
)
