"""What `make airflow-up` leaves in Airflow's home so that Airflow's own commands work on it: airflow.cfg, a command.

Standard library only.
"""

import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

_VARIABLE = re.compile(r"AIRFLOW__([A-Z_]+?)__([A-Z_]+)")
_SECTION = re.compile(r"\[(\w+)\]")


def configure(path: Path, environment: Mapping[str, str]) -> None:
    """Let airflow.cfg say what the variables `AIRFLOW__SECTION__KEY` say; everything else in it stays.

    Without this the file has Airflow's defaults: a command without the variables would add its example DAGs to the
    database, and look for DAGs elsewhere.
    """
    options: dict[str, dict[str, str]] = {}
    for name, value in environment.items():
        if found := _VARIABLE.fullmatch(name):
            # The file interpolates, the environment does not.
            options.setdefault(found[1].lower(), {})[found[2].lower()] = value.replace("%", "%%")
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    changed = "".join(f"{line}\n" for line in _with_options(text.splitlines(), options))
    if changed != text:
        path.write_text(changed, encoding="utf-8")


def _with_options(lines: list[str], options: dict[str, dict[str, str]]) -> Iterator[str]:
    """The lines with each option where its section has it, or right below the section's name."""
    for section in options.keys() - {found[1] for line in lines if (found := _SECTION.fullmatch(line.strip()))}:
        lines = [*lines, f"[{section}]"]
    current: dict[str, str] = {}
    for line in lines:
        key = line.partition("=")[0].strip()
        if found := _SECTION.fullmatch(line.strip()):
            current = options.get(found[1], {})
            yield line
            yield from (f"{name} = {value}" for name, value in current.items() if not _has(lines, found[1], name))
        elif key in current and not line.startswith(("#", ";", " ", "\t")):
            yield f"{key} = {current[key]}"
        else:
            yield line


def _has(lines: list[str], section: str, key: str) -> bool:
    inside = False
    for line in lines:
        if found := _SECTION.fullmatch(line.strip()):
            inside = found[1] == section
        elif inside and not line.startswith(("#", ";")) and line.partition("=")[0].strip() == key:
            return True
    return False


def write_command(path: Path, program: Path, environment: Mapping[str, str]) -> None:
    """A shell script that runs a program in this environment, whatever the caller's is."""
    exports = [f"export {name}={shlex.quote(value)}" for name, value in sorted(environment.items())]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["#!/bin/sh", *exports, f'exec {shlex.quote(str(program))} "$@"', ""]), encoding="utf-8")
    path.chmod(0o755)
