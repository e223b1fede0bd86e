"""The tables of the Livy server: sessions, statements, events."""

import sqlalchemy as sa
from alembic import op

from hopyard.store.types import Instant

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "livy_sessions",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("project", sa.String(64), nullable=False),
        sa.Column("owner", sa.String(255), nullable=False),
        sa.Column("name", sa.String(255)),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("request", sa.JSON, nullable=False),
        sa.Column("secret_hash", sa.String(64), nullable=False),
        sa.Column("process", sa.JSON),
        sa.Column("app_id", sa.String(255)),
        sa.Column("ui_url", sa.Text),
        sa.Column("acked", sa.BigInteger, nullable=False),
        sa.Column("server", sa.String(64)),
        sa.Column("server_started", sa.String(64)),
        sa.Column("deleted", sa.Boolean, nullable=False),
        sa.Column("created", Instant, nullable=False),
        sa.Column("ended", Instant),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_livy_sessions_project_owner", "livy_sessions", ["project", "owner"])
    op.create_table(
        "livy_statements",
        sa.Column(
            "session",
            sa.Integer,
            sa.ForeignKey("livy_sessions.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("progress", sa.Float, nullable=False),
        sa.Column("started", sa.BigInteger, nullable=False),
        sa.Column("completed", sa.BigInteger, nullable=False),
        sa.Column("output", sa.JSON),
    )
    op.create_table(
        "livy_events",
        sa.Column(
            "session",
            sa.Integer,
            sa.ForeignKey("livy_sessions.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("statement", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("payload", sa.JSON, nullable=False),
    )


def downgrade() -> None:
    for table in ("livy_events", "livy_statements", "livy_sessions"):
        op.drop_table(table)
