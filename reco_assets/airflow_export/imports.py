"""What a DAG's source text must import: every name it uses, from the module that has it."""

import ast
import builtins
from collections.abc import Iterator, Mapping

Groups = list[list[tuple[str, list[str]]]]
GROUPS = ("datetime", "airflow", "common")  # the standard library, what is installed, what lies beside the DAG


def imports_of(source: str, modules: Mapping[str, str]) -> Groups:
    """Find the modules whose names a source text uses, each with those names, sorted as ruff sorts imports.

    Args:
        source: Python statements without their imports.
        modules: The module of every name that may be used.

    Raises:
        LookupError: A name is neither defined in the source nor in `modules`.
    """
    names = _free_names(source)
    if unknown := names - modules.keys():
        raise LookupError(f"Neither Airflow's operators nor common/ have {', '.join(sorted(unknown))}.")
    found: dict[str, list[str]] = {}
    for name in sorted(names, key=_kind_and_name):
        found.setdefault(modules[name], []).append(name)
    grouped = [[(module, found[module]) for module in sorted(found) if module.split(".")[0] == at] for at in GROUPS]
    return [group for group in grouped if group]


def defined_in(source: str) -> Iterator[str]:
    """Every constant, class and function that a module defines for others."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def _free_names(source: str) -> set[str]:
    names = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)]
    own = {name.id for name in names if isinstance(name.ctx, ast.Store)}
    return {name.id for name in names} - own - set(dir(builtins))


def _kind_and_name(name: str) -> tuple[bool, bool, str]:
    """Constants before classes before functions; a single capital is no constant to ruff."""
    return not (name.isupper() and len(name) > 1), name.islower(), name
