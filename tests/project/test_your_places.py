"""Where people add things, a release never conflicts with them: from 2.0 on.

A target at the end of the Makefile, a section of the README, a line of .gitignore and one of
.env.example, a dependency, a CI job, a target in project.mk: the owner adds one of each, and the
next release adds a line of its own to every one of these files.
"""

import tomllib
from pathlib import Path

import pytest
import yaml

from support.project import Project, append, read
from support.releases import commit, first_release, git, project_of, status, update

FULL = pytest.mark.full
TARGET = '\n.PHONY: conferir\nconferir: ## Confere o que é nosso\n\t@echo "é nosso"'
SECTION = "\n## Plantão\n\nQuem atende é a Ana."
JOB = {
    "github": "  nosso:\n    runs-on: ubuntu-latest\n    steps:\n      - run: echo nosso",
    "gitlab": "nosso:\n  script:\n    - echo nosso",
}
FILES = {"github": ".github/workflows/ci.yml", "gitlab": ".gitlab-ci.yml"}
# What the next release has more, above the last line of each of its files.
NEWS = {
    "template/Makefile.jinja": "novidade:\n\t@echo novidade\n",
    "template/.gitignore.jinja": "novidade/",
    "template/.env.example.jinja": "#NOVIDADE=1",
    "template/.gitlab-ci.yml.jinja": "novidade:\n  script:\n    - echo novidade\n",
    "template/.github/workflows/ci.yml.jinja": (
        "  novidade:\n    runs-on: ubuntu-latest\n    steps:\n      - run: echo novidade"
    ),
    "variants/pt/README.md": "Uma novidade.\n",
    "variants/en/README.md": "What is new.\n",
}
DEPENDENCIES = "    {{ yours }}\n"


def release(template: Path) -> None:
    """Release a version that has something more in every file where people add things."""
    for name, line in NEWS.items():
        before, last = read(template / name).rstrip("\n").rsplit("\n", 1)
        (template / name).write_text(f"{before}\n{line}\n{last}\n", encoding="utf-8")
    pyproject = template / "template/pyproject.toml.jinja"
    text = read(pyproject)
    assert text.count(DEPENDENCIES) == 2, "the lists of dependencies end in a line that stays"
    more = f'    "novidade>=1,<2",\n{DEPENDENCIES}'
    pyproject.write_text(text.replace(DEPENDENCIES, more), encoding="utf-8")
    commit(template, "v1.1.0")


def add_what_is_ours(made: Project, ci: str) -> None:
    """Add one thing in every place, as a person does: at the end."""
    append(made.path / "Makefile", TARGET)
    append(made.path / "README.md", SECTION)
    append(made.path / ".gitignore", "nosso/")
    append(made.path / ".env.example", "NOSSO=1")
    append(made.path / "project.mk", TARGET.replace("conferir", "publicar"))
    append(made.path / FILES[ci], JOB[ci])
    text, added = read(made.path / "pyproject.toml"), 0
    lines = []
    for line in text.splitlines():
        if line == "]" and added < 2:  # as `uv add` and `uv add --dev` do it
            lines.append('    "nosso>=3,<4",')
            added += 1
        lines.append(line)
    made.write("pyproject.toml", "\n".join([*lines, ""]))


@pytest.mark.parametrize("by", ["template-update", pytest.param("copier", marks=FULL)])
@pytest.mark.parametrize(
    "answers",
    [
        {"language": "pt", "ci": "github"},
        {"language": "en", "ci": "gitlab", "database": "postgresql", "api": "fastapi"},
    ],
    ids=lambda answers: answers["ci"],
)
def test_what_is_added_at_the_end_never_conflicts(
    tmp_path: Path, answers: dict[str, str], by: str
) -> None:
    template = first_release(tmp_path)
    made = project_of(template, tmp_path / "mono/services/loja", **answers)
    ci = answers["ci"]
    add_what_is_ours(made, ci)
    commit(made.path)
    release(template)
    if by == "copier":
        made.run(str(made.path / ".venv/bin/copier"), "update", "--quiet", "--defaults")
    else:
        update(made)

    assert not git(made.path, "ls-files", "--unmerged")
    files = ["Makefile", "README.md", ".gitignore", ".env.example", "pyproject.toml", FILES[ci]]
    changed = {f" M {name}" for name in files}
    assert status(made) == changed | {" M .copier-answers.yml"}
    for name in files:
        text = read(made.path / name)
        assert "<<<<<<<" not in text and ">>>>>>>" not in text
        assert any(each in text for each in ("novidade", "NOVIDADE", "is new", "idade.")), name

    assert "é nosso" in made.make("conferir") and "é nosso" in made.make("publicar")
    assert "novidade" in made.make("novidade")
    helped = made.make("help")
    assert "conferir" in helped and "publicar" in helped
    assert SECTION in read(made.path / "README.md")
    assert read(made.path / ".gitignore").endswith("nosso/\n")
    assert read(made.path / ".env.example").endswith("NOSSO=1\n")
    asked = tomllib.loads(read(made.path / "pyproject.toml"))
    for group in (asked["project"]["dependencies"], asked["dependency-groups"]["dev"]):
        assert group[-1] == "nosso>=3,<4" and "novidade>=1,<2" in group
    pipeline = yaml.safe_load(read(made.path / FILES[ci]))
    jobs = pipeline["jobs"] if ci == "github" else pipeline
    assert {"nosso", "novidade"} <= set(jobs)


def test_a_target_may_be_appended_or_live_in_a_file_of_its_own(tmp_path: Path) -> None:
    """`make` with no target still helps, and what is the template's cannot be hidden unsaid."""
    made = project_of(first_release(tmp_path), tmp_path / "mono/services/loja")
    add_what_is_ours(made, "github")
    printed = made.make()
    assert printed == made.make("help") and "make setup" not in printed.splitlines()[0]
    (made.path / "project.mk").unlink()  # whoever does not want it deletes it
    assert "é nosso" in made.make("conferir")
