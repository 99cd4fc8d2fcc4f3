"""`make plan` says what an upgrade would run, before it runs, on every database."""

import pytest

COPIES = {"sqlite": "INSERT INTO _alembic_tmp_users", "postgresql": "TYPE VARCHAR(120)"}


@pytest.mark.parametrize(
    "database",
    ["postgresql", *(pytest.param(each, marks=pytest.mark.full) for each in ("sqlite", "mysql"))],
)
def test_a_plan_marks_what_loses_data_and_what_rewrites_a_table(project, database):
    made = project(database=database, language="en")
    assert "Nothing to apply" in made.make("plan")
    models = made.path / "app/users/models.py"
    models.write_text(models.read_text().replace("String(254)", "String(120)"))
    made.write("app/products/models.py", '"""None any more."""\n')
    made.make("migration", "m=shrink", "drop=users.email products")
    before = made.make("check", code=2)
    plan = made.make("plan")
    assert "LOSES DATA: products" in plan
    assert "rewrites the table" in plan
    assert COPIES.get(database, "MODIFY email VARCHAR(120)") in plan
    assert made.make("check", code=2) == before, "a plan changes nothing"
    made.make("upgrade")
    assert "Nothing to apply" in made.make("plan")


def test_a_plan_of_an_empty_database_begins_at_the_first_revision(project):
    made = project(setup=False)
    plan = made.make("plan")
    assert plan.index("CREATE TABLE usuarios") < plan.index("CREATE TABLE produtos")
    assert not (made.path / "app.db").exists() or not (made.path / "app.db").stat().st_size
