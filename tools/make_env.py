"""Write .env from .env.example: each secret a random one, whatever .env has already as it is. `make .env` runs it.

Standard library only: it runs before there is an environment.
"""

import os
import re
import secrets
import sys
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path

REPO = Path(__file__).resolve().parents[1]
SECRETS = (
    "POSTGRES_PASSWORD",
    "AIRFLOW_DB_PASSWORD",
    "AIRFLOW_SECRET_KEY",
    "AIRFLOW_JWT_SECRET",
    "AIRFLOW_PASSWORD",
    "GRAFANA_PASSWORD",
)
IN_URLS = ("POSTGRES_PASSWORD", "AIRFLOW_DB_PASSWORD")
# As Docker Compose reads it.
ASSIGNMENT = re.compile(r"\s*(?:export\s+)?(?P<name>\w+)\s*=\s*(?P<value>.*?)\s*$")
EMPTY = ("", "''", '""')
FERNET_KEY = "AIRFLOW_FERNET_KEY"  # 32 bytes, as Fernet wants them


def completed(example: str, present: str) -> str:
    """The text of .env: that of `present`, with what it lacks of `example` added; secrets that are empty are made."""
    known = dict(_assignments(present))
    if not present:
        return "".join(f"{_filled(line)}\n" for line in example.splitlines())
    lines = [_filled(line) for line in present.splitlines()]
    lines += [_filled(f"{name}={value}") for name, value in _assignments(example) if name not in known]
    return "".join(f"{line}\n" for line in lines)


def _assignments(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        if found := ASSIGNMENT.match(line):
            yield found["name"], found["value"]


def _filled(line: str) -> str:
    found = ASSIGNMENT.match(line)
    if not found or found["value"] not in EMPTY:
        return line
    if found["name"] == FERNET_KEY:
        return f"{found['name']}={urlsafe_b64encode(secrets.token_bytes(32)).decode()}"
    return f"{found['name']}={secrets.token_hex(24)}" if found["name"] in SECRETS else line


def write(path: Path, example: Path) -> None:
    """Replace .env at once, readable by its owner alone. Raises `SystemExit` where a password there can't be used."""
    present = path.read_text(encoding="utf-8") if path.exists() else ""
    for name, value in _assignments(present):
        if name in IN_URLS and not re.fullmatch(r"(['\"]?)[\w.~-]*\1", value, re.ASCII):
            sys.exit(
                f"error: {name} in {path} becomes part of a URL, so it may hold letters, digits, '-', '.', '_' and '~' "
                "alone. Change it there, and in Postgres where its volume exists; left empty, it is made."
            )
    new = path.with_name(f"{path.name}.new")
    new.touch(mode=0o600)
    new.write_text(completed(example.read_text(encoding="utf-8"), present), encoding="utf-8")
    os.replace(new, path)


if __name__ == "__main__":
    write(REPO / ".env", REPO / ".env.example")
    print("Passwords are in .env: Airflow's is AIRFLOW_PASSWORD, Grafana's GRAFANA_PASSWORD.", file=sys.stderr)
