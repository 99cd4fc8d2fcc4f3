"""create users

Revision: 3f1c0a5d7b21
Revises:
Created: 2026-01-05 09:00:00
"""

import sqlalchemy as sa
from alembic import op

revision = "3f1c0a5d7b21"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("age", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
    )


def downgrade() -> None:
    op.drop_table("users")
