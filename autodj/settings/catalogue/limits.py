"""How large, how long and how many."""

from __future__ import annotations

from autodj.settings import parsers
from autodj.settings.catalogue.setting import Section, Setting

LIMITS = Section(
    "Limits",
    (
        Setting(
            "MAX_TRACK_BYTES",
            "largest audio file, in bytes",
            str(200 * 1024 * 1024),
            parsers.whole(1024, 5 * 1024**3),
        ),
        Setting(
            "MAX_TRACK_DURATION_S",
            "longest audio file, in seconds",
            "10800",
            parsers.whole(1, 86400),
        ),
        Setting(
            "MAX_FILE_SIZE",
            "largest file of other kinds (photos, documents), in bytes",
            "10485760",
            parsers.whole(1024, 5 * 1024**3),
        ),
        Setting(
            "AWS_S3_PROJECT_PREFIX",
            "object key prefix of project documents",
            "projects",
            parsers.key_prefix,
        ),
        Setting(
            "FETCH_TOTAL_S",
            "seconds a URL may take to fetch",
            "60",
            parsers.whole(1, 3600),
        ),
        Setting(
            "FETCH_ALLOW_PRIVATE",
            "true: URLs may name private addresses and any port (development only)",
            "false",
            parsers.boolean,
        ),
        Setting(
            "MAX_LOCAL_SENDERS",
            "local files sent at the same time; more are told to come back",
            "256",
            parsers.whole(1, 10000),
        ),
        Setting(
            "LOCAL_ACCEL_PREFIX",
            "nginx sends local files: its internal location that leads to the media folder, "
            "such as /_media/; empty: autodj sends them",
            parse=parsers.optional(
                parsers.matching(r"/([A-Za-z0-9._-]+/)+", "a path such as /_media/")
            ),
        ),
        Setting(
            "MAX_CONNECTIONS",
            "connections open at the same time; more are answered 503",
            "2000",
            parsers.whole(10, 100000),
        ),
        Setting(
            "BODY_TOTAL_S",
            "seconds one upload may take, however large",
            "900",
            parsers.whole(10, 86400),
        ),
    ),
)
