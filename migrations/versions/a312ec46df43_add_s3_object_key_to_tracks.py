"""Tracks may live on S3: an object key, the file states, and the queue on the row.

Rows from before are local and stable, and become due so that the workers look at them.
"""

import sqlalchemy as sa
from alembic import op

revision = "a312ec46df43"
down_revision = "5b1f0c7d92ae"
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


def upgrade() -> None:
    with op.batch_alter_table("tracks") as tracks:
        tracks.drop_constraint("file_source", type_="check")
        tracks.drop_constraint("readable", type_="check")
        tracks.alter_column("file_source", existing_type=sa.String(16), nullable=True)
        tracks.alter_column("file_path", existing_type=sa.String(200), nullable=True)
        tracks.add_column(sa.Column("s3_object_key", sa.String(200)))
        tracks.add_column(
            sa.Column("file_state", sa.String(16), nullable=False, server_default="stable")
        )
        tracks.add_column(sa.Column("generation", sa.Integer(), nullable=False, server_default="0"))
        tracks.add_column(sa.Column("clean_after", MOMENT))
        tracks.add_column(sa.Column("next_attempt_at", MOMENT))
        tracks.add_column(sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"))
        tracks.add_column(sa.Column("failure", sa.String(64)))
    with op.batch_alter_table("tracks") as tracks:
        for name in ("file_state", "generation", "attempts"):
            tracks.alter_column(name, server_default=None)
        tracks.create_check_constraint("file_state", STATES)
        tracks.create_check_constraint("file_source", "file_source IN ('local', 's3')")
        tracks.create_check_constraint("file_shape", SHAPE)
        tracks.create_check_constraint(
            "clean_after", "file_state <> 'cleaning' OR clean_after IS NOT NULL"
        )
        tracks.create_check_constraint(
            "readable", "file_source IS NULL OR (sha256 IS NOT NULL AND size_bytes > 0)"
        )
        tracks.create_unique_constraint("uq_tracks_s3_object_key", ["s3_object_key"])
    op.create_index("ix_tracks_due", "tracks", ["next_attempt_at"])
    op.execute("UPDATE tracks SET next_attempt_at = created_at")


def downgrade() -> None:
    connection = op.get_bind()
    moved = connection.execute(
        sa.text(
            "SELECT count(*) FROM tracks WHERE file_state <> 'stable' OR file_source <> 'local'"
        )
    ).scalar_one()
    if moved:
        raise RuntimeError(
            f"{moved} tracks are not plain local files; bring them back before going down"
        )
    op.drop_index("ix_tracks_due", "tracks")
    with op.batch_alter_table("tracks") as tracks:
        for name in ("file_state", "file_source", "file_shape", "clean_after", "readable"):
            tracks.drop_constraint(name, type_="check")
        tracks.drop_constraint("uq_tracks_s3_object_key", type_="unique")
        for name in (
            "s3_object_key",
            "file_state",
            "generation",
            "clean_after",
            "next_attempt_at",
            "attempts",
            "failure",
        ):
            tracks.drop_column(name)
        tracks.alter_column("file_source", existing_type=sa.String(16), nullable=False)
        tracks.alter_column("file_path", existing_type=sa.String(200), nullable=False)
        tracks.create_check_constraint("file_source", "file_source = 'local'")
        tracks.create_check_constraint("readable", "size_bytes > 0")
