"""A public schema brought aboard, and what it builds held against it by the server's own dump.

    PYTHONPATH=tests .venv/bin/python -m support.adopting <dump.sql> ... --database postgresql \\
        [--schema public,sales] [--keep <folder>] [--show]

Before it is called, the caller has fetched the dump; nothing of it is committed. The files go to
the server's own client, one after the other. What a server here has not (an extension, a role)
is said, and counts as not there. Rows are put into every table, as far as its constraints let them
in. Then it is what a user does: `make adopt`, with a yes; and what nobody does by hand: the history
run from base to head on an empty database, down, and up again; the same rows put in there; and both
databases dumped by `pg_dump --schema-only`, `mariadb-dump --no-data`, or `.schema`, and compared
line by line, but for owners, privileges, definers, counters, and the order of MySQL's keys.

The project is rendered as its owner would have it, and what adoption leaves of it has to be green:
`make lint`, `make test`, `make check`. Models are written three times before, each in a process
with another order of sets, and have to be the same bytes.
"""

from __future__ import annotations

import argparse
import difflib
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url

from support.evolution import Service, new_service
from support.moving.rows import Rows, counted, generated_rows
from support.project import Project, files, render
from support.servers import server_url

OURS = ("alembic_version", "alembic_journal", "alembic_ledger", "alembic_lock")
COUNTER = re.compile(r" AUTO_INCREMENT=\d+")
DEFINER = re.compile(r"DEFINER=`[^`]*`@`[^`]*`")
GREEN = ("lint", "test", "check")
SEEDS = ("1", "2", "3")
MARK = re.compile(r"COMMENT ON SCHEMA (public IS|.* IS 'Made by revision [0-9a-f]+').*;")


def main() -> None:
    """Bring one schema aboard, and say what came of it on one line of a table.

    Raises:
        SystemExit: the dumps differ.
    """
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n")[0])
    parser.add_argument("dumps", nargs="+", type=Path)
    parser.add_argument("--database", choices=["sqlite", "postgresql", "mysql"], required=True)
    parser.add_argument("--schema")
    parser.add_argument("--show", action="store_true", help="what was printed, and what differs")
    parser.add_argument("--keep", type=Path, help="a folder that the project stays in")
    said = parser.parse_args()

    with tempfile.TemporaryDirectory() as temporary:
        folder = said.keep or Path(temporary)
        folder.mkdir(exist_ok=True)
        sys.exit(adopted(folder, said))


def adopted(folder: Path, said: argparse.Namespace) -> int:
    """Bring one schema aboard; return 0 if the dumps are equal."""
    service = as_its_owner_has_it(new_service(folder, said.database))
    refused = [line for dump in said.dumps for line in load(service.url, dump)]
    print(f"loaded; {len(refused)} statement(s) that this server refused", *refused[:5], sep="\n  ")
    try:
        rows = generated_rows(service.url, 1, [], {})
    except sa.exc.SQLAlchemyError as error:  # keys to nowhere, for one
        print(f"no rows: {error}")
        rows = Rows(sa.MetaData())

    original = dumped(service.url)
    options = ["--schema", said.schema] if said.schema else []
    unstable = models_that_differ(service, folder, options)
    started = time.monotonic()
    printed = service.alambique("adopt", "--yes", *options, code=None)
    took = time.monotonic() - started
    if said.show:
        print(printed)
    untouched = dumped(service.url) == original

    problems = [] if "agrees with the models" in printed else [last_line(printed)]
    if not untouched:
        problems.append("the original changed")
    if unstable:
        problems.append(f"models differ by PYTHONHASHSEED: {', '.join(unstable)}")
    differ: list[str] = []
    green = "no revision"
    if service.revisions():
        green = greenness(service, said.show)
        differ = compared(service, original, rows, problems)
    if said.show:
        print(*differ[:200], sep="\n")

    lines = sum(len(dump.read_text(errors="replace").splitlines()) for dump in said.dumps)
    result = "equal" if not differ else f"{len(differ)} line(s) differ"
    tables = sum(line.startswith("CREATE TABLE") for line in original)
    counts = [tables, lines, counted([rows])]
    words = [said.dumps[0].stem, said.database, *counts, result, green, int(took)]
    print("|", " | ".join(map(str, words)), "|", "; ".join(problems), "|")
    return 1 if differ or problems or green != "yes" else 0


def as_its_owner_has_it(service: Service) -> Service:
    """Return the service with a project that was rendered for its database, with all its hooks."""
    path = service.path.with_name(f"{service.path.name}_own")
    project = Project(render(path, language="en", database=service.database, example=False))
    project.use_these_packages()
    return Service(path, service.database, service.url)


def models_that_differ(service: Service, folder: Path, options: Sequence[str]) -> list[str]:
    """Write the models of a database with several orders of sets; return the files that differ."""
    written: list[dict[str, bytes]] = []
    for seed in SEEDS:
        copy = Project(shutil.copytree(service.path, folder / f"seed_{seed}", symlinks=True))
        copy.env |= {"PYTHONHASHSEED": seed, "DATABASE_URL": service.env["DATABASE_URL"]}
        copy.alambique("models", *options, code=None)
        found = files(copy.path / "app")
        written.append({name: path.read_bytes() for name, path in found.items()})
        shutil.rmtree(copy.path)
    names = sorted(set().union(*written))
    return [
        name
        for name in names
        if not name.endswith(".pyc") and len({each.get(name) for each in written}) > 1
    ]


def greenness(service: Service, show: bool) -> str:
    """Run what a team runs first on what adoption left; return "yes", or what was not green."""
    red: list[str] = []
    for target in GREEN:
        try:
            printed = service.make(target)
        except AssertionError as error:
            printed = str(error)
            red.append(f"{target}: {last_line(printed)}")
        if show:
            print(f"make {target}", printed[-6000:], sep="\n")
    return "; ".join(red) or "yes"


def compared(service: Service, original: list[str], rows: Rows, problems: list[str]) -> list[str]:
    """Build another database from the history; return how its dump differs from the original."""
    with another(service) as url:
        other = Service(service.path, service.database, url)
        for step in (["upgrade", "head"], ["downgrade", "base"], ["upgrade", "head"]):
            try:
                other.alembic(*step)
            except AssertionError as error:
                problems.append(f"{' '.join(step)}: {str(error)[-900:]}")
                break
            if step[0] == "downgrade" and (left := leftovers(dumped(url))):
                problems.append(f"left by downgrade: {len(left)} line(s), such as {left[0]}")
        built = dumped(url)
        try:
            rows.put(url)
        except sa.exc.IntegrityError:  # they refer to rows that came with the dump
            if not counted([generated_rows(url, 1, [], {})]):
                problems.append("the rebuilt database takes no rows")
        except sa.exc.SQLAlchemyError as error:
            problems.append(f"rows: {str(error).splitlines()[0]}")
        for each in (service, other):
            checked = each.check()
            if "agrees with the models" not in checked:
                problems.append(f"check: {last_line(checked)}")
    lines = difflib.unified_diff(original, built, "yours", "rebuilt", n=0, lineterm="")
    return [line for line in lines if not line.startswith(("@@", "---", "+++"))]


class another:
    """An empty database beside a service's."""

    def __init__(self, service: Service) -> None:
        self.service = service

    def __enter__(self) -> URL:
        if self.service.database == "sqlite":
            return make_url(f"sqlite:///{self.service.path / 'rebuilt.db'}")
        self.url = server_url(self.service.database).set(database=f"{self.service.url.database}_r")
        self._run(f"CREATE DATABASE {self.url.database}")
        return self.url

    def __exit__(self, *_: object) -> None:
        if self.service.database != "sqlite":
            self._run(f"DROP DATABASE {self.url.database}")

    def _run(self, statement: str) -> None:
        engine = sa.create_engine(server_url(self.service.database), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(sa.text(statement))
        engine.dispose()


def load(url: URL, dump: Path) -> list[str]:
    """Give a dump to the server's own client; return what was refused."""
    with dump.open("rb") as file:
        done = subprocess.run(_client(url), stdin=file, capture_output=True)
    errors = done.stderr.decode(errors="replace").splitlines()
    return [line for line in errors if "ERROR" in line or line.startswith(("Parse", "Runtime"))]


def dumped(url: URL) -> list[str]:
    """Return the schema, as the server's own tool dumps it, without what belongs to the server."""
    text = subprocess.run(_dumper(url), capture_output=True, check=True).stdout
    lines = text.decode(errors="replace").splitlines()
    if url.get_backend_name() == "sqlite":
        return _statements(lines)
    if url.get_backend_name() == "postgresql":
        return [
            line
            for line in lines
            if line
            and not line.startswith(("--", "SET ", "SELECT pg_catalog.set_config", "\\"))
            and not MARK.fullmatch(line)
        ]
    return _with_sorted_keys(DEFINER.sub("", COUNTER.sub("", line)) for line in lines)


def leftovers(lines: Iterable[str]) -> list[str]:
    """Return what a database still has after a downgrade, extensions and settings aside."""
    return [line for line in lines if re.match(r"CREATE (?!EXTENSION|SCHEMA public)", line)]


def last_line(printed: str) -> str:
    """Return the last thing that was said."""
    lines = [line for line in printed.strip().splitlines() if line.strip()]
    return (lines[-1] if lines else "nothing was said")[:300]


def _client(url: URL) -> list[str]:
    if url.get_backend_name() == "sqlite":
        return ["sqlite3", str(url.database)]
    if url.get_backend_name() == "postgresql":
        return ["psql", "-q", "-X", _libpq(url)]
    return ["mariadb", "--force", "--default-character-set=utf8mb4", *_mariadb(url)]


def _dumper(url: URL) -> list[str]:
    if url.get_backend_name() == "sqlite":
        return ["sqlite3", str(url.database), ".schema --nosys"]
    if url.get_backend_name() == "postgresql":
        options = ["--schema-only", "--no-owner", "--no-privileges", "--exclude-table=alembic_*"]
        return ["pg_dump", *options, _libpq(url)]
    options = ["--no-data", "--routines", "--events", "--triggers", "--skip-comments"]
    ignored = [f"--ignore-table={url.database}.{name}" for name in OURS]
    return ["mariadb-dump", *options, *ignored, *_mariadb(url)]


def _libpq(url: URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def _mariadb(url: URL) -> list[str]:
    password = [f"--password={url.password}"] if url.password else []
    port = [f"--port={url.port}"] if url.port else []
    return [f"--host={url.host}", *port, f"--user={url.username}", *password, str(url.database)]


def _statements(lines: Sequence[str]) -> list[str]:
    """Return the statements of `.schema`, in the order of their texts: each as SQLite keeps it."""
    text = "\n".join(lines)
    found = re.split(r";\n(?=CREATE )", text.removesuffix(";"))
    return sorted(each for each in found if not any(name in each[:60] for name in OURS))


def _with_sorted_keys(lines: Iterable[str]) -> list[str]:
    """Return lines in which the keys of a table stand in the order of their names."""
    found: list[str] = []
    keys: list[str] = []
    for line in lines:
        if re.match(r"  (UNIQUE |FULLTEXT |SPATIAL )?KEY |  CONSTRAINT ", line):
            keys.append(line.removesuffix(","))
            continue
        found += sorted(keys)
        keys = []
        found.append(line.removesuffix(",") if line.startswith("  ") else line)
    return found


if __name__ == "__main__":
    main()
