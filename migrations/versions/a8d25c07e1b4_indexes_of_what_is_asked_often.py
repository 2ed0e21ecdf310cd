"""Indexes of what is asked every minute, with every page, or for every object of a store."""

import sqlalchemy as sa
from alembic import op

revision = "a8d25c07e1b4"
down_revision = "f4c2a81d6e93"
branch_labels = None
depends_on = None

PENDING = "file_state = 'pending'"
ACTIVE = "state IN ('queued', 'running')"
WHOLE = {
    "ix_tracks_analysis_key": ("tracks", ["analysis_key"]),
    "ix_tracks_cover_key": ("tracks", ["cover_key"]),
    "ix_idempotency_keys_created": ("idempotency_keys", ["created_at"]),
}
PARTS = {
    "ix_tracks_pending": ("tracks", ["created_at"], PENDING),
    "ix_jobs_active": ("jobs", ["owner_id", "created_at", "id"], ACTIVE),
}


def upgrade() -> None:
    for name, (table, columns) in WHOLE.items():
        op.create_index(name, table, columns)
    for name, (table, columns, rows) in PARTS.items():
        where = sa.text(rows)
        op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    for name, (table, *_) in (WHOLE | PARTS).items():
        op.drop_index(name, table)
