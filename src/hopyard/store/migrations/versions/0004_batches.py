"""The table of batches."""

import sqlalchemy as sa
from alembic import op

from hopyard.store.types import Instant

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "livy_batches",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("project", sa.String(64), nullable=False),
        sa.Column("owner", sa.String(255), nullable=False),
        sa.Column("name", sa.String(255)),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("request", sa.JSON, nullable=False),
        sa.Column("process", sa.JSON),
        sa.Column("app_id", sa.String(255)),
        sa.Column("ui_url", sa.Text),
        sa.Column("exit_code", sa.Integer),
        sa.Column("deleted", sa.Boolean, nullable=False),
        sa.Column("created", Instant, nullable=False),
        sa.Column("ended", Instant),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_livy_batches_project_owner", "livy_batches", ["project", "owner"])


def downgrade() -> None:
    op.drop_table("livy_batches")
