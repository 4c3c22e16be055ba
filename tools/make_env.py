"""Write .env from .env.example: each secret a random one, whatever .env has already as it is. `make .env` runs it.

Standard library only: it runs before there is an environment.
"""

import os
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
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            yield name, value


def _filled(line: str) -> str:
    name, _, value = line.partition("=")
    if value:
        return line
    if name == FERNET_KEY:
        return line + urlsafe_b64encode(secrets.token_bytes(32)).decode()
    return line + secrets.token_hex(24) if name in SECRETS else line


def write(path: Path, example: Path) -> None:
    """Replace .env at once, readable by its owner alone."""
    present = path.read_text(encoding="utf-8") if path.exists() else ""
    new = path.with_name(f"{path.name}.new")
    new.touch(mode=0o600)
    new.write_text(completed(example.read_text(encoding="utf-8"), present), encoding="utf-8")
    os.replace(new, path)


if __name__ == "__main__":
    write(REPO / ".env", REPO / ".env.example")
    print("Passwords are in .env: Airflow's is AIRFLOW_PASSWORD, Grafana's GRAFANA_PASSWORD.", file=sys.stderr)
