"""What `make new` does after the render: where it came from, a repository, the set-up, a commit.

python hooks/after_copy.py project [version]
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from which_version import HERE, TEMPLATE, newest, origin
from which_version import git as git_of_template

# In the repository of a project whose set-up failed: `make setup` makes the first commit then.
TO_COMMIT = ".git/alambique-first-commit"
# A URL that needs no quotes in `.env`.
PLAIN = re.compile(r"[\w:/@.+%?=&,~-]+")

SENTENCES = {
    "en": {
        "ready": "\nThe project is set up. Now:",
        "tour": "walks through the history, a step at a time",
        "run": "serves the API on this machine",
        "help": "lists the commands",
        "not_set_up": (
            "\nThe project is there, and its set-up failed; the reason is above. Mend that, then:"
            " make -C {place} setup"
        ),
        "unknown_author": "\nNo commit was made: git does not know you yet. Tell it, then commit:",
        "release": (
            "The project is made of {version}, the newest release, and not of what else is in this"
            " clone. For that: make new version=HEAD"
        ),
        "no_release": (
            "This clone has no release (git fetch --tags brings those there are): the project is"
            " made of what is here, {version}."
        ),
        "nowhere": (
            "The project is made of something that is not committed in {clone}, and says that it is"
            " {version}: no update will find that. Commit it there, delete the project and run make"
            " new again; without version= it is made of the newest release."
        ),
        "only_here": (
            "As far as git knows, {version} is nowhere but in {clone}, and the project says that it"
            " came from there: an update on another machine will not find it. Push it, and write"
            " the address of the remote after _src_path in .copier-answers.yml."
        ),
    },
    "pt": {
        "ready": "\nO projeto está pronto. Agora:",
        "tour": "percorre o histórico, um passo por vez",
        "run": "serve a API neste computador",
        "help": "lista os comandos",
        "not_set_up": (
            "\nO projeto está lá, e a preparação dele falhou; o motivo está acima. Conserte-o, e"
            " depois: make -C {place} setup"
        ),
        "unknown_author": (
            "\nNenhum commit foi feito: o git ainda não conhece você. Diga a ele, e faça o commit:"
        ),
        "release": (
            "O projeto foi feito de {version}, a versão publicada mais nova, e não do que mais há"
            " neste clone. Para isso: make new version=HEAD"
        ),
        "no_release": (
            "Este clone não tem versão publicada (git fetch --tags traz as que houver): o projeto"
            " foi feito do que há aqui, {version}."
        ),
        "nowhere": (
            "O projeto foi feito de algo que não está em commit em {clone}, e diz que é"
            " {version}: nenhuma atualização vai encontrar isso. Faça o commit ali, apague o"
            " projeto e rode make new de novo; sem version= ele é feito da versão publicada mais"
            " nova."
        ),
        "only_here": (
            "Até onde o git sabe, {version} só existe em {clone}, e o projeto diz que veio dali:"
            " uma atualização em outra máquina não a encontra. Faça o push, e escreva o endereço"
            " do remoto depois de _src_path no .copier-answers.yml."
        ),
    },
}


def main(project: Path, asked: str = "") -> int:
    """Prepare a rendered project; return the exit code of its set-up.

    Args:
        project: its folder.
        asked: the version of the template that was asked for; "" is none.
    """
    say_the_version(project, asked)
    record_source(project)
    repository = not git(project, "rev-parse", "--is-inside-work-tree")
    if repository:
        git(project, "init", "--quiet", "--initial-branch=main")
    write_database_url(project, os.environ.get("DATABASE_URL", ""))
    code = set_up(project)
    if code:
        if repository:
            (project / TO_COMMIT).touch()
        say(project, "not_set_up", place=shown(project))
        return code
    if repository:
        commit(project)
    print(*last_screen(project), sep="\n")
    return 0


def set_up(project: Path) -> int:
    """Run `make setup`; where this machine has no uv, with ours, which stays with the project.

    Returns:
        The exit code.
    """
    ours = Path(sys.executable).parent
    lent = None if shutil.which("uv") else shutil.which("uv", path=str(ours))
    environment = dict(os.environ)
    if lent:
        environment["PATH"] = os.pathsep.join([os.environ.get("PATH", ""), str(ours)])

    code = subprocess.run(["make", "--silent", "setup"], cwd=project, env=environment).returncode
    programs = project / ".venv" / ours.name
    if lent and (project / "uv.lock").exists() and programs.is_dir():
        shutil.copy2(lent, programs)
    return code


def write_database_url(project: Path, url: str) -> None:
    """Make `.env` with the database that `make new` was given, if it was given one."""
    example, dotenv = project / ".env.example", project / ".env"
    if not url or dotenv.exists() or not example.is_file():
        return
    # In quotes nothing is expanded, and a # begins no comment.
    quoted = "'" + url.replace("\\", r"\\").replace("'", r"\'") + "'"
    value = url if PLAIN.fullmatch(url) else quoted
    text = example.read_text(encoding="utf-8")
    text = re.sub(r"^DATABASE_URL=.*$", lambda _: f"DATABASE_URL={value}", text, flags=re.MULTILINE)
    dotenv.write_text(text, encoding="utf-8", newline="\n")


def last_screen(project: Path) -> list[str]:
    """Return what there is to type now, in the project's language."""
    said = sentences_of(project)
    makefile = (project / "Makefile").read_text(encoding="utf-8")
    steps = [(f"cd {shlex.quote(shown(project))}", "")]
    for target in ("tour", "run", "help"):
        if re.search(rf"^{target}:", makefile, re.MULTILINE):
            steps.append((f"make {target}", said[target]))
    width = max(len(command) for command, _ in steps)
    return [said["ready"], *(f"  {command:{width}}  {what}".rstrip() for command, what in steps)]


def shown(project: Path) -> str:
    """Return a path as one types it here: from the current folder, unless that is longer."""
    relative = os.path.relpath(project)
    return min(relative, str(project), key=len)


def say_the_version(project: Path, asked: str) -> None:
    """Say what the project is made of, where one would not think so, or nobody finds it."""
    version = rendered_version(project)
    said = {"version": version, "clone": TEMPLATE}
    release = newest()

    is_all_there_is = commit_of(version) == git_of_template("rev-parse", HERE)
    if not asked and release is None:
        say(project, "no_release", **said)
    elif not asked and not (is_all_there_is and is_clean()):
        say(project, "release", **said)

    if not commit_of(version):
        say(project, "nowhere", **said)
    elif not is_pushed(version):
        say(project, "only_here", **said)


def record_source(project: Path) -> None:
    """Note where this clone of the template came from, a place that teammates can reach.

    Where the version is not in that remote, or there is no remote, the path of the clone remains.
    What opens the remote for whoever cloned it is not for everybody to read.
    """
    url = origin()
    if is_pushed(rendered_version(project)) and (":" in url or url.startswith("/")):
        answers = project / ".copier-answers.yml"
        text = answers.read_text(encoding="utf-8")
        noted = re.sub(r"^_src_path: .*$", lambda _: f"_src_path: {url}", text, flags=re.MULTILINE)
        answers.write_text(noted, encoding="utf-8", newline="\n")


def rendered_version(project: Path) -> str:
    """Return the version of the template that a project says it is made of."""
    answers = (project / ".copier-answers.yml").read_text(encoding="utf-8")
    found = re.search(r"^_commit: '?([^'\n]+)'?$", answers, re.MULTILINE)
    return found[1] if found else "?"


def commit_of(version: str) -> str:
    """Return the commit of a version of the template; "" if this clone has none."""
    return git_of_template("rev-parse", "--verify", "--quiet", f"{version}^{{commit}}")


def is_pushed(version: str) -> bool:
    """Tell whether a branch of a remote has this version, as far as this clone knows."""
    return bool(
        commit_of(version) and git_of_template("branch", "--remotes", "--contains", version)
    )


def is_clean() -> bool:
    """Tell whether everything in this clone is committed."""
    return not git_of_template("status", "--porcelain")


def commit(project: Path) -> None:
    """Commit everything, lock file included, if git knows who the author is."""
    git(project, "add", "--all")
    if not git(project, "commit", "--quiet", "--message", "Start the service"):
        say(
            project,
            "unknown_author",
            '  git config --global user.name "..." && git config --global user.email "..."',
            f'  git -C {project} commit -m "Start the service"',
        )


def say(project: Path, name: str, *lines: str, **fields: object) -> None:
    """Say a sentence, and what to type, in the project's language."""
    print(
        sentences_of(project)[name].format(**fields), *lines, sep="\n", file=sys.stderr, flush=True
    )


def sentences_of(project: Path) -> dict[str, str]:
    """Return the sentences in the project's language."""
    answers = (project / ".copier-answers.yml").read_text(encoding="utf-8")
    return SENTENCES["pt" if "\nlanguage: pt\n" in answers else "en"]


def git(project: Path, *arguments: str) -> bool:
    """Run git quietly inside the project; return whether it succeeded."""
    return not subprocess.run(["git", *arguments], cwd=project, capture_output=True).returncode


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve(), *sys.argv[2:]))
