"""Secrets, and who read them."""

import sqlalchemy as sa
from alembic import op

from hopyard.store.types import Instant

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "secrets",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("owner", sa.String(255), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=True),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("blob", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_secrets"),
        sa.UniqueConstraint("owner", "name", name="uq_secrets_owner_name"),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["projects.id"],
            name="fk_secrets_project_id_projects",
            ondelete="SET NULL",
        ),
    )
    op.create_index("ix_secrets_key", "secrets", ["key"])
    op.create_table(
        "secret_reads",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("owner", sa.String(255), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("reader", sa.String(255), nullable=False),
        sa.Column("project", sa.String(30), nullable=False),
        sa.Column("way", sa.String(40), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_secret_reads"),
    )
    op.create_index("ix_secret_reads_owner", "secret_reads", ["owner"])


def downgrade() -> None:
    op.drop_table("secret_reads")
    op.drop_table("secrets")
