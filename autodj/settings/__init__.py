"""Settings: the only reader of the environment."""

from autodj.settings.load import data_dir, database_url, environment, from_environment, load
from autodj.settings.model import (
    CdnSettings,
    LimitSettings,
    Settings,
    WorkerSettings,
)
from autodj.settings.parsers import Retention
from autodj.settings.s3 import S3Settings

__all__ = [
    "CdnSettings",
    "LimitSettings",
    "Retention",
    "S3Settings",
    "Settings",
    "WorkerSettings",
    "data_dir",
    "database_url",
    "environment",
    "from_environment",
    "load",
]
