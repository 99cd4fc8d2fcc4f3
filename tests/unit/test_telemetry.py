"""What OpenTelemetry hears of migrations, from its own SDK; and that nothing depends on it."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alambique import cli, messages
from alambique.commands import apply_migrations, revert_migrations
from alambique.upgrade import telemetry
from alembic.util import CommandError
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sqlalchemy.engine import make_url
from sqlalchemy_utils import create_database

from support.minimal import Minimal, minimal_project

CREATE = 'op.create_table("t", sa.Column("secret", sa.String(9), unique=True))'
ROW = """op.execute("INSERT INTO t VALUES ('hunter2')")\n"""
SYSTEMS = {"sqlite": "sqlite", "postgresql": "postgresql", "mysql": "mariadb"}


class Heard:
    """What the SDK collected."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.exporter = InMemorySpanExporter()
        self.reader = InMemoryMetricReader()
        self.tracers = TracerProvider(shutdown_on_exit=False)
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        meters = MeterProvider([self.reader], shutdown_on_exit=False)
        # A process may set each once only, and here each test has its own.
        monkeypatch.setattr(trace, "get_tracer", self.tracers.get_tracer)
        monkeypatch.setattr(metrics, "get_meter", meters.get_meter)

    @property
    def spans(self) -> list[ReadableSpan]:
        """All of them, in the order they ended."""
        return list(self.exporter.get_finished_spans())

    @property
    def steps(self) -> list[dict[str, Any]]:
        """The attributes of the spans of steps."""
        return [dict(each.attributes or {}) for each in self.spans if each.name != self.top.name]

    @property
    def top(self) -> ReadableSpan:
        """The span of the last command."""
        return [each for each in self.spans if each.parent is None][-1]

    def points(self, metric: str) -> list[Any]:
        """What was measured under this name."""
        found = self.reader.get_metrics_data()
        return [
            point
            for resource in (found.resource_metrics if found else [])
            for scope in resource.scope_metrics
            for each in scope.metrics
            if each.name == metric
            for point in each.data.data_points
        ]


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Heard:
    return Heard(monkeypatch)


@pytest.fixture(autouse=True)
def attached_nowhere() -> Iterator[None]:
    """Whatever happens, the thread's span is what it was before."""
    yield
    assert not trace.get_current_span().get_span_context().is_valid


@pytest.fixture(params=["sqlite", "postgresql", "mysql"])
def url(request: pytest.FixtureRequest, new_database: Callable[[str], str]) -> str:
    made = new_database(request.param)
    create_database(made)
    return made


def history(tmp_path: Path, url: str, last: str = "pass") -> Minimal:
    """Make a project of two revisions, of which the last does something."""
    project = minimal_project(tmp_path, url)
    project.models('Table("t", metadata, Column("secret", String(9), unique=True))\n')
    project.revision("a1", upgrade=CREATE, downgrade='op.drop_table("t")')
    project.revision("b2", "a1", upgrade=last)
    return project


def test_a_command_is_a_span_and_each_step_one_in_it(
    tmp_path: Path, url: str, heard: Heard
) -> None:
    history(tmp_path, url)
    apply_migrations()
    first, second, command = heard.spans
    database = make_url(url)
    about = {
        "db.system.name": SYSTEMS[database.get_backend_name()],
        "db.namespace": Path(str(database.database)).name,
        "alambique.direction": "upgrade",
        "alambique.outcome": "done",
    }
    assert (command.name, dict(command.attributes or {})) == ("alambique upgrade", about)
    for step, revision in ((first, "a1"), (second, "b2")):
        own = {"alambique.revision": revision, "alambique.title": revision}
        assert (step.name, dict(step.attributes or {})) == ("alambique step", about | own)
        assert step.parent == command.context
        assert step.status.status_code is trace.StatusCode.UNSET

    revert_migrations("-1")
    assert heard.top.name == "alambique downgrade"
    assert heard.steps[-1]["alambique.direction"] == "downgrade"
    assert heard.steps[-1]["alambique.revision"] == "b2"


def test_steps_are_counted_and_their_time_is_measured(
    tmp_path: Path, url: str, heard: Heard
) -> None:
    history(tmp_path, url, last="op.execute('UPDATE nowhere SET x = 1')")
    with pytest.raises(CommandError):
        apply_migrations()
    counted = {
        point.attributes["alambique.outcome"]: (point.value, point.attributes)
        for point in heard.points("alambique.steps")
    }
    assert {outcome: number for outcome, (number, _) in counted.items()} == {"done": 1, "failed": 1}
    assert "db.response.status_code" in counted["failed"][1]
    measured = heard.points("alambique.step.duration")
    assert sum(point.count for point in measured) == 2
    assert all(0 < point.sum < 60 for point in measured)
    assert measured[0].explicit_bounds == telemetry.BUCKETS
    assert all("alambique.revision" not in point.attributes for point in measured)


def test_a_step_that_fails_says_how_and_holds_no_value(
    tmp_path: Path, url: str, heard: Heard
) -> None:
    history(tmp_path, url, last=ROW + ROW)
    with pytest.raises(CommandError, match="hunter2"):
        apply_migrations()
    _, step, command = heard.spans
    for span in (step, command):
        assert span.status.status_code is trace.StatusCode.ERROR
        (event,) = span.events
        said = dict(event.attributes or {})
        assert event.name == "exception" and "exception.message" not in said
        assert str(said["exception.type"]).endswith(("IntegrityError", "UniqueViolation"))
        assert "b2.py" in str(said["exception.stacktrace"])
        assert dict(span.attributes or {})["alambique.outcome"] == "failed"
        codes = ("23505", "1062", "SQLITE_CONSTRAINT_UNIQUE")
        assert dict(span.attributes or {})["db.response.status_code"] in codes
    everything = "".join(span.to_json() for span in heard.spans)
    assert "hunter2" not in everything
    assert (password := make_url(url).password) is None or f":{password}@" not in everything


def test_a_mistake_in_a_revision_is_its_own_kind(tmp_path: Path, url: str, heard: Heard) -> None:
    history(tmp_path, url, last="raise LookupError(7, 'hunter2')")
    with pytest.raises(LookupError):
        apply_migrations()
    step = heard.steps[-1]
    assert step["error.type"] == "LookupError" and "db.response.status_code" not in step


def test_a_file_is_called_by_its_name_alone() -> None:
    url = make_url("sqlite:///file:/srv/app.db?key=hunter2&uri=true")
    assert telemetry._namespace(url) == "app.db"
    assert telemetry._namespace(url.set(database="file:/srv/app.db?key=hunter2")) == "app.db"


def test_a_step_that_met_a_busy_table_is_told_twice(
    tmp_path: Path, new_database: Callable[[str], str], heard: Heard, monkeypatch: Any
) -> None:
    """Once as it was given up, once as it is done."""
    monkeypatch.setenv("MIGRATION_LOCK_TIMEOUT", "0.3")
    url = new_database("postgresql")
    create_database(url)
    history(tmp_path, url, last='op.add_column("t", sa.Column("more", sa.Integer))')
    apply_migrations("a1")
    reader = sa.create_engine(url, poolclass=sa.NullPool).connect()
    reader.exec_driver_sql("SELECT * FROM t")
    monkeypatch.setattr("alambique.upgrade.retry.time.sleep", lambda _: reader.close())
    apply_migrations()
    told = [(step["alambique.revision"], step["alambique.outcome"]) for step in heard.steps[-2:]]
    assert told == [("b2", "retried"), ("b2", "done")]


def test_a_stamp_is_told_and_nothing_to_do_is_not(
    tmp_path: Path,
    new_database: Callable[[str], str],
    heard: Heard,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    project = history(tmp_path, new_database("sqlite"))
    monkeypatch.chdir(project.root)
    assert cli.main(["stamp", "b2"]) == 0
    assert heard.top.name == "alambique stamp"
    assert heard.steps[-1]["alambique.revision"] == "b2"
    before = len(heard.spans)
    apply_migrations()
    assert len(heard.spans) == before


def test_nobody_is_told_of_a_rehearsal(
    tmp_path: Path, new_database: Callable[[str], str], heard: Heard, monkeypatch: Any
) -> None:
    url = new_database("sqlite")
    create_database(url)
    monkeypatch.chdir(history(tmp_path, url).root)
    assert cli.main(["plan"]) == 0
    assert heard.spans == []


class Broken(SpanExporter):
    """An exporter, and a processor, that fail whatever they are asked."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)


def test_what_fails_in_the_sdk_fails_no_migration(
    tmp_path: Path, url: str, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    history(tmp_path, url)
    heard.tracers.add_span_processor(SimpleSpanProcessor(Broken()))
    apply_migrations("a1")

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("no meter today")

    monkeypatch.setattr(metrics, "get_meter", refuse)
    apply_migrations()
    heard.tracers.add_span_processor(Broken())  # type: ignore[arg-type]
    revert_migrations("-1")
    monkeypatch.setattr(trace, "get_tracer", refuse)
    apply_migrations()
    with sa.create_engine(url, poolclass=sa.NullPool).connect() as connection:
        rows = connection.exec_driver_sql("SELECT version_num FROM alembic_version")
        assert list(rows) == [("b2",)]


def test_without_it_nothing_is_told(
    tmp_path: Path, url: str, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    history(tmp_path, url)
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", None)
    apply_migrations()
    assert heard.spans == []


def test_what_is_typed_is_sent_before_it_ends(
    tmp_path: Path,
    new_database: Callable[[str], str],
    heard: Heard,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A container's entry gives way to the service, and nothing is run at its exit."""
    monkeypatch.chdir(history(tmp_path, new_database("sqlite")).root)
    sent: list[int] = []

    class Provider:
        def force_flush(self) -> None:
            sent.append(len(heard.spans))

    monkeypatch.setattr(trace, "get_tracer_provider", Provider)
    monkeypatch.setattr(metrics, "get_meter_provider", Provider)
    assert cli.main(["upgrade"]) == 0
    assert sent == [3, 3]
    assert cli.main(["upgrade"]) == 0
    assert sent == [3, 3], "nothing was done, and something sent"
    revert_migrations("-1")
    assert sent == [3, 3], "an application sends when it likes"


@pytest.mark.parametrize("is_current", [True, False])
def test_a_start_that_finds_nothing_to_do_does_not_import_it(
    tmp_path: Path, new_database: Callable[[str], str], is_current: bool
) -> None:
    url = new_database("sqlite")
    create_database(url)
    project = history(tmp_path, url)
    if is_current:
        apply_migrations()
    source = (
        "import sys; from pathlib import Path; from alambique.settings import use_project\n"
        "use_project(Path('.').resolve())\n"
        "from alambique.commands import apply_migrations; apply_migrations()\n"
        "print('opentelemetry' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", source],
        cwd=project.root,
        env=os.environ | {"PYTHONPATH": str(Path(messages.__file__).parents[2])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{not is_current}\n"
