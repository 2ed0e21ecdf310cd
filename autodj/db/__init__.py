"""The database: tables, and every query as a function of a session."""

from autodj.db.models import IdempotencyKey, Job, LoginLink, Rendition, Track, User
from autodj.db.session import Database, Session, open_database
from autodj.db.types import (
    AnalysisState,
    FileSource,
    FileState,
    JobKind,
    JobState,
    Origin,
    PublicState,
    ReanalysisState,
    RenditionName,
    Visibility,
)

__all__ = [
    "AnalysisState",
    "Database",
    "FileSource",
    "FileState",
    "IdempotencyKey",
    "Job",
    "JobKind",
    "JobState",
    "LoginLink",
    "Origin",
    "PublicState",
    "ReanalysisState",
    "Rendition",
    "RenditionName",
    "Session",
    "Track",
    "User",
    "Visibility",
    "open_database",
]
