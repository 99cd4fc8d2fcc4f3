"""create products

Revision: 8b4e2d9c6f30
Revises: 3f1c0a5d7b21
Created: 2026-01-12 09:00:00
"""

import sqlalchemy as sa
from alembic import op

revision = "8b4e2d9c6f30"
down_revision = "3f1c0a5d7b21"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "products",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("price", sa.Numeric(precision=10, scale=2), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_products")),
    )


def downgrade() -> None:
    op.drop_table("products")
