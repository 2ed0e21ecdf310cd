"""Users, and tracks that live on local disk only.

The product before S3: every track has a file, and nothing can move.
"""

import sqlalchemy as sa
from alembic import op

revision = "5b1f0c7d92ae"
down_revision = None
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("name", sa.String(64), nullable=False, unique=True),
        sa.Column("created_at", MOMENT, nullable=False),
    )
    op.create_table(
        "tracks",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("owner_id", sa.Uuid(), sa.ForeignKey("users.id"), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(512), nullable=False),
        sa.Column("artist", sa.String(512)),
        sa.Column("album", sa.String(512)),
        sa.Column("original_name", sa.String(512)),
        sa.Column("origin", sa.String(16), nullable=False),
        sa.Column("origin_url", sa.Text()),
        sa.Column("visibility", sa.String(16), nullable=False),
        sa.Column("content_type", sa.String(64), nullable=False),
        sa.Column("extension", sa.String(8), nullable=False),
        sa.Column("codec", sa.String(32), nullable=False),
        sa.Column("sample_rate_hz", sa.Integer(), nullable=False),
        sa.Column("channels", sa.Integer(), nullable=False),
        sa.Column("bit_rate_bps", sa.Integer()),
        sa.Column("duration_s", sa.Float(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("file_source", sa.String(16), nullable=False),
        sa.Column("file_path", sa.String(200), nullable=False),
        sa.Column("cover_key", sa.String(200)),
        sa.Column("analysis_state", sa.String(16), nullable=False),
        sa.Column("analysis_version", sa.Integer()),
        sa.Column("analysis_key", sa.String(200)),
        sa.Column("analysis_failure", sa.String(64)),
        sa.Column("bpm", sa.Float()),
        sa.Column("bpm_confidence", sa.Float()),
        sa.Column("bpm_alternative", sa.Float()),
        sa.Column("musical_key", sa.String(16)),
        sa.Column("camelot", sa.String(3)),
        sa.Column("key_confidence", sa.Float()),
        sa.Column("integrated_lufs", sa.Float()),
        sa.Column("true_peak_dbtp", sa.Float()),
        sa.Column("corrected_bpm", sa.Float()),
        sa.Column("corrected_key", sa.String(16)),
        sa.Column("corrected_camelot", sa.String(3)),
        sa.CheckConstraint("file_source = 'local'", name="file_source"),
        sa.CheckConstraint("size_bytes > 0", name="readable"),
        sa.UniqueConstraint("file_path", name="uq_tracks_file_path"),
    )
    op.create_index("ix_tracks_owner_created", "tracks", ["owner_id", "created_at", "id"])


def downgrade() -> None:
    op.drop_table("tracks")
    op.drop_table("users")
