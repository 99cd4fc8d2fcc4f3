"""add email to users

Revision: c27a51e8d943
Revises: 8b4e2d9c6f30
Created: 2026-01-19 09:00:00
"""

import sqlalchemy as sa
from alembic import op

revision = "c27a51e8d943"
down_revision = "8b4e2d9c6f30"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.add_column(sa.Column("email", sa.String(length=254), nullable=True))
        batch_op.create_index(batch_op.f("ix_users_email"), ["email"], unique=True)


def downgrade() -> None:
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_users_email"))
        batch_op.drop_column("email")
