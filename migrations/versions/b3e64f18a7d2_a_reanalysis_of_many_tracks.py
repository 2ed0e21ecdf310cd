"""The index by which a library that is measured anew is counted and gone on with."""

import sqlalchemy as sa
from alembic import op

revision = "b3e64f18a7d2"
down_revision = "a8d25c07e1b4"
branch_labels = None
depends_on = None

NAME = "ix_tracks_reanalysis"
COLUMNS = ["reanalysis_state", "reanalysis_id", "created_at", "file_source"]
MEASURED_ANEW = sa.text("reanalysis_id IS NOT NULL")


def upgrade() -> None:
    op.drop_index(NAME, "tracks")
    op.create_index(
        NAME, "tracks", COLUMNS, sqlite_where=MEASURED_ANEW, postgresql_where=MEASURED_ANEW
    )


def downgrade() -> None:
    op.drop_index(NAME, "tracks")
    op.create_index(NAME, "tracks", ["reanalysis_id"])
