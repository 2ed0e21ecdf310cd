"""What the workers do at a time, and for how long."""

from __future__ import annotations

from autodj.settings import parsers
from autodj.settings.catalogue.setting import Section, Setting

WORKERS = Section(
    "Workers",
    (
        Setting(
            "WORKER_JOBS",
            "jobs at a time in each worker; analysis wants a core each",
            "2",
            parsers.whole(1, 64),
        ),
        Setting(
            "REANALYSIS_AT_ONCE",
            "tracks of a library that are measured anew at a time, by all workers together",
            "1",
            parsers.whole(1, 64),
        ),
        Setting(
            "ANALYSIS_TIMEOUT_S",
            "seconds one analysis may take before its sandbox is killed",
            "300",
            parsers.whole(5, 3600),
        ),
        Setting(
            "JOB_TIMEOUT_S",
            "seconds one job may take; one that no worker took is sent again after that",
            "330",
            parsers.whole(5, 3600),
        ),
    ),
)
