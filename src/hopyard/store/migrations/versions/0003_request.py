"""The number of the HTTP request that made a statement."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    column = sa.Column("request", sa.String(64), nullable=False, server_default="")
    op.add_column("livy_statements", column)


def downgrade() -> None:
    op.drop_column("livy_statements", "request")
