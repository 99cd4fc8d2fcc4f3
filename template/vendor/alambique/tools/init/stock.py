"""A stock env.py in the place of a call of the library's: Alembic's template, filled in."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from importlib import resources
from types import ModuleType

from sqlalchemy import MetaData

from alambique.autogenerate.discovery import load_metadata, model_modules, project_with_policy
from alambique.settings import Source, alembic_config, project, resolve_migration_url
from alambique.tools.init.machinery import bound_by, names_in
from alambique.tools.init.rewriting import Left, text_of

IMPORT_LOGGING = "from logging.config import fileConfig\n"
LOGGING = r"(?:^#.*\n)*^if config\.config_file_name is not None:\n +fileConfig.*\n"
NO_METADATA = "target_metadata = None\n"
ALEMBIC = "from alembic import"
CONFIG = "config = context.config\n"
URL_OF_ENVIRONMENT = """
config.set_main_option(
    "sqlalchemy.url",
    (os.environ.get("MIGRATION_DATABASE_URL") or {expression}).replace("%", "%%"),
)
"""
REQUIRED = 'os.environ["DATABASE_URL"]'
DOTENV = """
load_dotenv({path})
"""


def stock(source: str) -> tuple[str, list[Left]]:
    """Return an env.py without the library that does what one with it did, as far as Alembic can.

    It is Alembic's generic template, or its asynchronous one if the URL's driver is. It imports the
    models there are now, reads the URL from where it is now, and passes on what `run_migrations`
    was given.

    Args:
        source: the env.py that calls `run_migrations`.

    Returns:
        The new file, and what of the old one only the library understands.

    Raises:
        ModelImportError: a model cannot be imported.
        InvalidSetting: there is no URL, or a setting is malformed.
    """
    tree = ast.parse(source)
    kept, options, left = _said(tree, source)
    config = alembic_config()
    resolved = resolve_migration_url(config)
    template = "async" if resolved.url.get_dialect().is_async else "generic"
    text = (resources.files("alembic") / "templates" / template / "env.py").read_text(
        encoding="utf-8"
    )

    before = CONFIG
    if resolved.source is not Source.INI and "sqlalchemy.url" not in source:
        before += _url(resolved.source)
        text = text.replace(IMPORT_LOGGING, f"import os\n{IMPORT_LOGGING}", 1)
        if resolved.source in {Source.DOTENV, Source.EXAMPLE}:
            text = text.replace(ALEMBIC, f"from dotenv import load_dotenv\n\n{ALEMBIC}", 1)
    text = text.replace(CONFIG, before, 1)
    if not config.file_config.has_section("loggers"):  # fileConfig would fail
        text = re.sub(LOGGING, "", text, flags=re.MULTILINE).replace(IMPORT_LOGGING, "")

    if "target_metadata" in options:
        given = options.pop("target_metadata")
        metadata = "" if given == "target_metadata" else f"target_metadata = {given}\n"
    else:
        metadata = _metadata()
    text = text.replace(NO_METADATA, "\n\n".join([*kept, metadata]), 1)

    if resolved.url.get_backend_name() == "sqlite":
        options.setdefault("render_as_batch", "True")
    words = [f"{name}={value}" for name, value in options.items() if name != "**"]
    words += [f"**{options['**']}"] if "**" in options else []
    more = "".join(f", {word}" for word in words)
    text = re.sub(r"(?<=target_metadata=target_metadata)(?=[,)])", lambda _: more, text)
    return text, left


def _said(tree: ast.Module, source: str) -> tuple[list[str], dict[str, str], list[Left]]:
    """Return the statements that stay, the options of the call, and what is the library's alone."""
    lines = source.splitlines()
    ours = {
        name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "alambique"
        for name in bound_by(node)
    }
    kept: list[str] = []
    options: dict[str, str] = {}
    left: list[Left] = []
    for node in tree.body:
        if _is_call(node):
            for word in node.value.keywords:  # type: ignore[attr-defined]
                if names_in(word.value) & ours:
                    left.append(Left(word.value.lineno, lines[word.value.lineno - 1].strip()))
                else:
                    options[word.arg or "**"] = text_of(word.value, source)
            continue
        if bound_by(node) & ours or _is_stock(node):
            continue
        if names_in(node) & ours:
            left.append(Left(node.lineno, lines[node.lineno - 1].strip()))
            ours |= bound_by(node)
            continue
        kept.append("\n".join(lines[node.lineno - 1 : node.end_lineno]))
    return kept, options, left


def _is_call(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and ast.unparse(node.value.func).endswith("run_migrations")
    )


def _is_stock(node: ast.stmt) -> bool:
    """Tell whether Alembic's template says the same."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    said = ast.unparse(node)
    return said in {"config = context.config", "from alembic import context"} or (
        "fileConfig" in said
    )


def _url(source: Source) -> str:
    if source not in {Source.DOTENV, Source.EXAMPLE}:
        return URL_OF_ENVIRONMENT.format(expression=REQUIRED)
    url = REQUIRED
    if source is Source.EXAMPLE:
        url = f'os.environ.get("DATABASE_URL", "{_example()}")'
    path = """os.path.join(os.path.dirname(config.config_file_name or "."), ".env")"""
    return DOTENV.format(path=path) + URL_OF_ENVIRONMENT.format(expression=url)


def _example() -> str:
    from alambique.settings.environment import read_dotenv

    return read_dotenv(project().root / ".env.example").get("DATABASE_URL") or ""


def _metadata() -> str:
    """Return the lines that import the models there are, and name their metadata."""
    here = project_with_policy()
    found = load_metadata()
    modules = [name for package in here.models for name in model_modules(package)]
    paths = [path for path in (here.base, *here.extra_models) if path]
    owners = {path: _owner(path) for path in paths}

    imports = [f"import {name}  # noqa: F401" for name in modules]
    named: list[str] = []
    for metadata in found:
        path = next((path for path, owner in owners.items() if _has(owner, metadata)), None)
        if path is None:
            path = next((name for name in modules if _has(_owner(name), metadata)), None)
        expression, imported = _expression(path, metadata)
        imports.append(imported)
        named.append(expression)
    for path in here.extra_models:
        owner = owners[path]
        imports.append(
            f"import {path}  # noqa: F401"
            if isinstance(owner, ModuleType)
            else "from {} import {}  # noqa: F401".format(*path.rpartition(".")[::2])
        )
    metadata_text = named[0] if len(named) == 1 else f"[{', '.join(named)}]"
    lines = list(dict.fromkeys(each for each in imports if each))
    return "\n".join([*lines, "", f"target_metadata = {metadata_text if named else None}", ""])


def _owner(path: str) -> object:
    from importlib import import_module

    try:
        return import_module(path)
    except ModuleNotFoundError:
        module, _, name = path.rpartition(".")
        owner: object = getattr(import_module(module), name)
        return owner


def _has(owner: object, metadata: MetaData) -> bool:
    if isinstance(owner, ModuleType):
        return _name_in(owner, metadata) is not None
    return owner is metadata or getattr(owner, "metadata", None) is metadata


def _name_in(module: ModuleType, metadata: MetaData) -> str | None:
    for name, member in vars(module).items():
        if member is metadata:
            return name
        if isinstance(member, type) and getattr(member, "metadata", None) is metadata:
            return f"{name}.metadata"
    return None


def _expression(path: str | None, metadata: MetaData) -> tuple[str, str]:
    """Return how to write a metadata, and the import that it needs."""
    if path is None:
        return "None", ""
    owner = _owner(path)
    if isinstance(owner, ModuleType):
        name = _name_in(owner, metadata) or ""
        return f"{path}.{name}", f"import {path}"
    module, _, name = path.rpartition(".")
    expression = name if owner is metadata else f"{name}.metadata"
    return expression, f"from {module} import {name}"


def unhooked(ini: str, ours: Sequence[str] = ("ruff", "history")) -> str:
    """Return alembic.ini without the write hooks that only the library registers."""
    lines = []
    for line in ini.splitlines():
        name, _, value = line.partition("=")
        is_type = name.strip() in {f"{each}.type" for each in ours} and value.strip() in ours
        if is_type:
            continue
        if name.strip() == "hooks":
            stays = [
                word for word in (each.strip() for each in value.split(",")) if word not in ours
            ]
            if not stays:
                continue
            line = f"hooks = {', '.join(stays)}"
        lines.append(line)
    return "\n".join(lines) + "\n"
