"""Projects, members, Jupyter servers and invitations."""

import sqlalchemy as sa
from alembic import op

from hopyard.store.types import Instant

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "projects",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("name", sa.String(30), nullable=False),
        sa.Column("display_name", sa.String(200), nullable=False),
        sa.Column("created_by", sa.String(255), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_projects"),
        sa.UniqueConstraint("name", name="uq_projects_name"),
    )
    op.create_table(
        "members",
        *_of_member("members"),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("since", Instant(), nullable=False),
    )
    op.create_index("ix_members_user_name", "members", ["user_name"])
    op.create_table(
        "jupyter_settings",
        *_of_member("jupyter_settings"),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
    )
    op.create_table(
        "jupyter_servers",
        *_of_member("jupyter_servers"),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("step", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("interface", sa.String(20), nullable=False),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=True),
        sa.Column("updated_at", Instant(), nullable=False),
    )
    op.create_table(
        "invitations",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("user_name", sa.String(255), nullable=False),
        sa.Column("admin", sa.Boolean(), nullable=False),
        sa.Column("invited_by", sa.String(255), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("redeemed_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_invitations"),
        sa.UniqueConstraint("token_hash", name="uq_invitations_token_hash"),
    )


def downgrade() -> None:
    for table in ("invitations", "jupyter_servers", "jupyter_settings", "members", "projects"):
        op.drop_table(table)


def _of_member(table: str) -> list[sa.schema.SchemaItem]:
    """Return what each table that belongs to a member of a project begins with."""
    return [
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("user_name", sa.String(255), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "user_name", name=f"pk_{table}"),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["projects.id"],
            name=f"fk_{table}_project_id_projects",
            ondelete="CASCADE",
        ),
    ]
