"""What people correct of a grid, and tracks that wait to be measured anew."""

import sqlalchemy as sa
from alembic import op

revision = "f26a8d3b90c5"
down_revision = "d81f6b2c4e07"
branch_labels = None
depends_on = None

CORRECTIONS = (
    ("corrected_anchor_s", sa.Float()),
    ("corrected_shift_ms", sa.Float()),
    ("corrected_downbeat_s", sa.Float()),
    ("corrected_metre", sa.Integer()),
)


def upgrade() -> None:
    for name, kind in CORRECTIONS:
        op.add_column("tracks", sa.Column(name, kind))
    op.add_column("tracks", sa.Column("reanalysis_state", sa.String(16)))
    op.add_column("tracks", sa.Column("reanalysis_id", sa.Uuid()))
    op.create_index("ix_tracks_reanalysis", "tracks", ["reanalysis_id"])


def downgrade() -> None:
    op.drop_index("ix_tracks_reanalysis", "tracks")
    op.drop_column("tracks", "reanalysis_id")
    op.drop_column("tracks", "reanalysis_state")
    for name, _ in reversed(CORRECTIONS):
        op.drop_column("tracks", name)
