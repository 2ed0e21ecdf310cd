"""A copy of a public track's bytes where the CDN asks for no signature."""

import sqlalchemy as sa
from alembic import op

revision = "d81f6b2c4e07"
down_revision = "e93b5a4c71d2"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tracks", sa.Column("public_state", sa.String(16)))
    op.add_column("tracks", sa.Column("public_object_key", sa.String(200)))
    op.create_index("uq_tracks_public_object_key", "tracks", ["public_object_key"], unique=True)


def downgrade() -> None:
    # Objects that no row names are swept a day later.
    op.drop_index("uq_tracks_public_object_key", "tracks")
    op.drop_column("tracks", "public_object_key")
    op.drop_column("tracks", "public_state")
