"""Renditions: further files of a track, each with the states of the track's own."""

import sqlalchemy as sa
from alembic import op

revision = "e93b5a4c71d2"
down_revision = "c47d19e0a6b8"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
STATES = "file_state IN ('pending', 'stable', 'copying', 'cleaning', 'deleting', 'failed')"
SHAPE = """
(file_state IN ('pending', 'failed', 'deleting') AND file_source IS NULL)
OR (file_state = 'stable' AND file_source IS NOT NULL AND (
    (file_source = 'local' AND file_path IS NOT NULL AND s3_object_key IS NULL)
    OR (file_source = 's3' AND s3_object_key IS NOT NULL AND file_path IS NULL)))
OR (file_state IN ('copying', 'cleaning') AND file_source IS NOT NULL
    AND file_path IS NOT NULL AND s3_object_key IS NOT NULL)
"""
READABLE = (
    "file_source IS NULL OR (sha256 IS NOT NULL AND size_bytes IS NOT NULL AND size_bytes > 0"
    " AND extension IS NOT NULL AND content_type IS NOT NULL AND codec IS NOT NULL"
    " AND duration_s IS NOT NULL AND start_offset_s IS NOT NULL)"
)


def upgrade() -> None:
    op.create_table(
        "renditions",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("track_id", sa.Uuid(), sa.ForeignKey("tracks.id"), nullable=False),
        sa.Column("name", sa.String(16), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content_type", sa.String(64)),
        sa.Column("extension", sa.String(8)),
        sa.Column("codec", sa.String(32)),
        sa.Column("sample_rate_hz", sa.Integer()),
        sa.Column("channels", sa.Integer()),
        sa.Column("bit_rate_bps", sa.Integer()),
        sa.Column("duration_s", sa.Float()),
        sa.Column("start_offset_s", sa.Float()),
        sa.Column("sha256", sa.String(64)),
        sa.Column("size_bytes", sa.BigInteger()),
        sa.Column("file_state", sa.String(16), nullable=False),
        sa.Column("file_source", sa.String(16)),
        sa.Column("file_path", sa.String(200)),
        sa.Column("s3_object_key", sa.String(200)),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("clean_after", MOMENT),
        sa.Column("next_attempt_at", MOMENT),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("failure", sa.String(64)),
        sa.CheckConstraint(STATES, name="file_state"),
        sa.CheckConstraint("file_source IN ('local', 's3')", name="file_source"),
        sa.CheckConstraint(SHAPE, name="file_shape"),
        sa.CheckConstraint(
            "file_state <> 'cleaning' OR clean_after IS NOT NULL", name="clean_after"
        ),
        sa.CheckConstraint(READABLE, name="readable"),
        sa.UniqueConstraint("file_path", name="uq_renditions_file_path"),
        sa.UniqueConstraint("s3_object_key", name="uq_renditions_s3_object_key"),
        sa.UniqueConstraint("track_id", "name", name="uq_renditions_track_id_name"),
    )
    op.create_index("ix_renditions_due", "renditions", ["next_attempt_at"])


def downgrade() -> None:
    """The files of renditions are left to the sweep; they can be made again."""
    op.drop_table("renditions")
