"""What a Jupyter server was started with; who was removed from which project, by whom."""

import sqlalchemy as sa
from alembic import op

from hopyard.store.types import Instant

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("jupyter_servers", sa.Column("settings", sa.Text, nullable=True))
    op.create_table(
        "departures",
        sa.Column("project_name", sa.String(30), nullable=False),
        sa.Column("user_name", sa.String(255), nullable=False),
        sa.Column("by", sa.String(255), nullable=False),
        sa.Column("reason", sa.String(20), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("project_name", "user_name", name="pk_departures"),
    )


def downgrade() -> None:
    op.drop_table("departures")
    op.drop_column("jupyter_servers", "settings")
