"""What the Dockerfile says, done: its layers, its user, its entry, many of them at once.

There is no container here. Each instruction is read and carried out in a folder that stands for the
image's root, the base image is a fresh Python environment, and processes run as the Dockerfile's
user, where the tests run as root and that user may reach the host's Python; else as whoever runs
the tests. Network and system are the host's.
"""

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest
from pip._internal.models.index import PyPI

from support.project import Project, files, read, render, values

Instruction = tuple[str, str]
FOLDERS = re.compile(r"(?<![\w.])/(venv|app|data)\b")


def instructions(dockerfile: str) -> list[Instruction]:
    """Return the instructions of a Dockerfile, each on one line."""
    text = re.sub(r"^\s*#.*\n", "", dockerfile, flags=re.MULTILINE).replace("\\\n", " ")
    return [(line.split()[0], line.partition(" ")[2]) for line in text.splitlines() if line.strip()]


def let_in(name: str, dockerignore: str) -> bool:
    """Tell whether a .dockerignore leaves a path in: the last line that fits decides."""
    inside = True
    for line in dockerignore.splitlines():
        if line and not line.startswith("#"):
            parts = line.lstrip("!").replace(".", r"\.").replace("**/", "(.+/)?")
            parts = re.sub(r"(?<![.)+])\*", "[^/]*", parts)
            if re.fullmatch(f"{parts}(/.*)?", name):
                inside = line.startswith("!")
    return inside


def open_to_all(path: Path) -> bool:
    """Tell whether any user may reach a file."""
    return all(each.stat().st_mode & 0o001 for each in [path, *path.parents])


class Image:
    """A Dockerfile carried out in a folder."""

    def __init__(self, context: Path, root: Path) -> None:
        self.context, self.root, self.base = context, root / "root", root / "base"
        subprocess.run([sys.executable, "-m", "venv", self.base], check=True)
        self.user = os.getuid()
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.entry: list[str] = []
        self.command: list[str] = []
        self.health: list[str] = []
        self.env: dict[str, str] = {}
        self.stages: dict[str, Path] = {}
        self.ignored = read(context / ".dockerignore")
        for verb, rest in instructions(read(context / "Dockerfile")):
            getattr(self, f"do_{verb.lower()}")(rest)

    def here(self, text: str) -> str:
        """Return a text with the image's absolute paths, and its user, where they are here."""
        user = "10001" if os.getuid() == 0 else str(os.getuid())
        return FOLDERS.sub(lambda found: str(self.root) + found.group(), text).replace(
            "10001", user
        )

    def do_from(self, rest: str) -> None:
        if self.root.exists():
            self.stages[self.name] = self.root.rename(self.root.with_name(self.name))
        self.name = rest.rpartition(" ")[2]
        (self.root / "app").mkdir(parents=True)
        self.env = {"PATH": f"{self.base}/bin:/usr/local/bin:/usr/bin:/bin"}

    def do_workdir(self, rest: str) -> None:
        assert rest == "/app"

    def do_env(self, rest: str) -> None:
        for word in shlex.split(rest):
            name, _, value = self.here(word).partition("=")
            self.env[name] = value.replace("$PATH", self.env["PATH"])

    def do_run(self, rest: str) -> None:
        # As in a build, the network is the host's, with what it takes to use it; so is what is kept
        # from one build to the next.
        command = re.sub(r"--mount=type=cache,target=/root/\.cache/\w+ ", "", rest)
        done = self.start(["sh", "-ec", self.here(command)], os.getuid(), **os.environ | self.env)
        printed, _ = done.communicate()
        assert done.returncode == 0, f"{rest}\n{printed}"

    def do_copy(self, rest: str) -> None:
        *sources, target = rest.split()
        if sources[0].startswith("--from="):
            stage = self.stages[sources.pop(0).partition("=")[2]]
            shutil.copytree(stage / sources[0][1:], self.root / target[1:], symlinks=True)
            return
        for name, path in files(self.context).items():
            wanted = any(source == "." or fnmatch(name, source) for source in sources)
            if wanted and let_in(name, self.ignored):
                (self.root / "app" / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, self.root / "app" / name)

    def do_volume(self, rest: str) -> None:
        assert (self.root / rest[1:]).is_dir()

    def do_expose(self, rest: str) -> None:
        assert rest == "8000"

    def do_healthcheck(self, rest: str) -> None:
        self.health = json.loads(self.here(rest.partition("CMD ")[2]))

    def do_user(self, rest: str) -> None:
        assert rest == "10001"
        if os.getuid() == 0 and open_to_all((self.root / "venv/bin/python").resolve()):
            self.user = int(rest)

    def do_entrypoint(self, rest: str) -> None:
        self.entry = json.loads(rest)

    def do_cmd(self, rest: str) -> None:
        self.command = json.loads(self.here(rest))

    def start(self, command: list[str], user: int, **env: str) -> subprocess.Popen[str]:
        """Start a process in the image."""
        as_user = {"user": user, "group": 0, "extra_groups": []} if user != os.getuid() else {}
        return subprocess.Popen(
            command,
            cwd=self.root / "app",
            env=self.env | env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **as_user,
        )

    def container(self, *command: str, **env: str) -> subprocess.Popen[str]:
        """Start a container of the image, with another command or its own."""
        return self.start([*self.entry, *(command or self.command)], self.user, **env)


@pytest.fixture
def build() -> Iterator[Callable[..., Image]]:
    """Build the image of a project, where another user may read it."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)

        def build_one(**answers: str) -> Image:
            tree = render(Path(folder) / "loja", **answers)
            made = Project(tree)
            made.write(".env", "DATABASE_URL=sqlite:///secret.db\n")
            made.write("app/.env.local", "secret\n")
            if answers["environment"] == "poetry":  # see test_environments.py
                with (tree / "pyproject.toml").open("a", encoding="utf-8") as pyproject:
                    source = f'name = "index"\nurl = "{PyPI.simple_url}"\n'
                    pyproject.write(f"\n[[tool.poetry.source]]\n{source}")
            return Image(tree, Path(folder))

        yield build_one


FULL = [
    pytest.param(*cell, marks=pytest.mark.full)
    for cell in [
        ("pip", "postgresql", "async"),
        ("poetry", "mysql", "sync"),
        ("conda", "sqlite", "sync"),
        ("uv", "sqlite", "async"),
    ]
]
SERVICE = """
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
print("up", os.getuid(), flush=True)
signal.sigwait({signal.SIGTERM})
sys.exit(7)
"""


@pytest.mark.full
@pytest.mark.parametrize(("environment", "database", "mode"), [("uv", "postgresql", "sync"), *FULL])
def test_any_number_of_containers_start_at_once(
    build: Callable[..., Image],
    new_database: Callable[[str], str],
    environment: str,
    database: str,
    mode: str,
) -> None:
    image = build(environment=environment, database=database, mode=mode)
    inside = set(files(image.root / "app"))
    needed = {"alembic.ini", "app/usuarios/models.py", "core/__init__.py"}
    assert needed | {"vendor/alambique/__init__.py"} <= inside
    assert not [name for name in inside if ".env" in name or name.startswith("tests")]
    assert not (image.root / "venv/bin/pytest").exists(), "no development group"

    env = {"MIGRATION_VERBOSE": "1"}
    if database != "sqlite":
        env["DATABASE_URL"] = new_database(database)
        Project(image.context).run(sys.executable, "-c", CREATE, env["DATABASE_URL"])
    both = [image.container(**env) for _ in range(2)]
    printed = "".join(each.communicate()[0] for each in both)
    assert [each.returncode for each in both] == [0, 0], printed
    assert printed.count("Running upgrade") == 3, printed
    if database == "sqlite":
        assert (image.root / "data/app.db").stat().st_uid == image.user

    service = image.container("python", "-c", SERVICE, **env)
    assert service.stdout
    lines = iter(service.stdout.readline, "")
    assert f"up {image.user}\n" in lines
    service.send_signal(signal.SIGTERM)
    assert service.wait(40) == 7, "the signal did not reach the service"

    wrong = image.container(DATABASE_URL="sqlite:////nowhere/app.db")
    printed, _ = wrong.communicate()
    assert wrong.returncode != 0 and "Traceback" not in printed


@pytest.mark.full
@pytest.mark.parametrize("api", [api for api in values("api") if api != "none"])
def test_the_api_is_healthy_and_ends_when_told(build: Callable[..., Image], api: str) -> None:
    image = build(environment="uv", database="sqlite", api=api)
    service = image.container()
    try:
        for _ in range(60):
            healthy = image.start(image.health, image.user)
            if healthy.wait() == 0:
                break
            time.sleep(0.5)
        assert healthy.returncode == 0
        service.send_signal(signal.SIGTERM)
        printed, _ = service.communicate(timeout=40)
        assert service.returncode in {0, -signal.SIGTERM}, printed
    finally:
        service.kill()


CREATE = "import sys; from sqlalchemy_utils import create_database as c; c(sys.argv[1])"


@pytest.mark.parametrize("environment", ["uv", "poetry", "pip", "conda"])
def test_the_dependencies_are_a_layer_of_their_own(tmp_path: Path, environment: str) -> None:
    tree = render(tmp_path / "loja", environment=environment)
    first, second = re.split(r"^FROM ", read(tree / "Dockerfile"), flags=re.MULTILINE)[1:]
    copied = [rest for verb, rest in instructions("FROM " + first) if verb == "COPY"]
    lock = {"uv": "uv.lock* ", "poetry": "poetry.lock* "}.get(environment, "")
    assert copied == [f"pyproject.toml {lock}./"]
    steps = [verb for verb, _ in instructions("FROM " + second)]
    assert steps.index("COPY") < len(steps) - 1 - steps[::-1].index("COPY") < steps.index("USER")
