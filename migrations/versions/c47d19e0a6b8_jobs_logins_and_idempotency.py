"""Jobs that people watch, one-time logins, Idempotency-Keys, and one track for the same bytes."""

import sqlalchemy as sa
from alembic import op

revision = "c47d19e0a6b8"
down_revision = "a312ec46df43"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
LIVING = sa.text("file_source IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("owner_id", sa.Uuid(), sa.ForeignKey("users.id"), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("step", sa.String(16), nullable=False),
        sa.Column("progress", sa.Float(), nullable=False),
        sa.Column("track_id", sa.Uuid()),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("result", sa.JSON()),
        sa.Column("problem", sa.JSON()),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", MOMENT),
        sa.Column("attempts", sa.Integer(), nullable=False),
    )
    op.create_index("ix_jobs_due", "jobs", ["next_attempt_at"])
    op.create_index("ix_jobs_changed", "jobs", ["changed_at"])
    op.create_index("ix_jobs_owner_created", "jobs", ["owner_id", "created_at", "id"])
    op.create_index("ix_jobs_track", "jobs", ["track_id"])
    op.create_table(
        "idempotency_keys",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("owner_id", sa.Uuid(), sa.ForeignKey("users.id"), nullable=False),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("status", sa.Integer()),
        sa.Column("subject_id", sa.Uuid()),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.UniqueConstraint("owner_id", "key"),
    )
    op.create_table(
        "login_links",
        sa.Column("token_sha256", sa.String(64), primary_key=True),
        sa.Column("user_id", sa.Uuid(), sa.ForeignKey("users.id"), nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
    )
    op.create_index(
        "uq_tracks_owner_bytes",
        "tracks",
        ["owner_id", "sha256"],
        unique=True,
        sqlite_where=LIVING,
        postgresql_where=LIVING,
    )


def downgrade() -> None:
    op.drop_index("uq_tracks_owner_bytes", "tracks")
    op.drop_table("login_links")
    op.drop_table("idempotency_keys")
    op.drop_table("jobs")
