"""Whether a view or a trigger works is asked of the database as it is now."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from alambique.upgrade.dependents import dependents, failure


@pytest.mark.parametrize(
    ("made", "cause"),
    [
        ("CREATE VIEW v AS SELECT n FROM t", "no such table"),
        ("CREATE TRIGGER v BEFORE UPDATE ON u BEGIN DELETE FROM t; END", "no such table"),
    ],
)
def test_an_answer_of_before_is_not_given_again(tmp_path: Path, made: str, cause: str) -> None:
    """The driver has compiled it: SQLite would go through that, and through freed memory."""
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'a.db'}", poolclass=sa.NullPool)
    with engine.begin() as connection:
        for statement in ("CREATE TABLE t (n INTEGER)", "CREATE TABLE u (n INTEGER)", made):
            connection.exec_driver_sql(statement)
        (dependent,) = dependents(connection, "main")
        assert failure(connection, dependent) is None

        connection.exec_driver_sql("DROP TABLE t")
        assert cause in (failure(connection, dependent) or "")
