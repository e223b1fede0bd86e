"""What clients call the POST that made a session, a statement or a batch."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

TABLES = ("livy_sessions", "livy_statements", "livy_batches")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("idempotency_key", sa.String(128), nullable=True))


def downgrade() -> None:
    for table in TABLES:
        op.drop_column(table, "idempotency_key")
