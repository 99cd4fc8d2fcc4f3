"""${title or message or up_revision}

Revision: ${up_revision}
Revises: ${down_revision | comma,n}
Created: ${create_date}
% if notes:

${notes}
% endif
"""

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}
% if replaces:
replaces = ${repr(replaces)}
% endif
% if creates:
creates = ${repr(creates)}
% endif
% if adopted:
adopted = True
% endif


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
