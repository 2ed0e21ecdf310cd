"""Where a track's analysis document is, and the small facts that lists show."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision = "f4c2a81d6e93"
down_revision = "f26a8d3b90c5"
branch_labels = None
depends_on = None

FACTS: dict[str, TypeEngine[Any]] = {
    "loudness_range_lu": sa.Float(),
    "open_key": sa.String(3),
    "energy": sa.Integer(),
    "metre": sa.Integer(),
    "grid": sa.String(8),
    "first_downbeat_s": sa.Float(),
    "overview": sa.String(400),
}


def upgrade() -> None:
    # Documents from before are where they were written.
    op.add_column(
        "tracks",
        sa.Column("analysis_source", sa.String(16), nullable=False, server_default="local"),
    )
    for name, kind in FACTS.items():
        op.add_column("tracks", sa.Column(name, kind))


def downgrade() -> None:
    # Code from before looks for documents in the local store only, and measures what has none.
    op.execute(
        "UPDATE tracks SET analysis_key = NULL, analysis_state = 'pending',"
        " next_attempt_at = created_at WHERE analysis_source = 's3'"
    )
    for name in (*FACTS, "analysis_source"):
        op.drop_column("tracks", name)
