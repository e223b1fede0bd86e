"""The session whose Spark application a session shares."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("livy_sessions", sa.Column("leader", sa.Integer, nullable=True))


def downgrade() -> None:
    op.drop_column("livy_sessions", "leader")
