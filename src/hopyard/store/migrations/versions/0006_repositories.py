"""Each member's Git repository in a project."""

import sqlalchemy as sa
from alembic import op

from hopyard.store.types import Instant

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "repositories",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("user_name", sa.String(255), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("job", sa.String(20), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("worked_at", Instant(), nullable=True),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "user_name", name="pk_repositories"),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["projects.id"],
            name="fk_repositories_project_id_projects",
            ondelete="CASCADE",
        ),
    )


def downgrade() -> None:
    op.drop_table("repositories")
