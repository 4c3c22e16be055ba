"""`python tools/install.py ENVIRONMENT LOCK...`: install what is locked, and say how much that is and how far it is.

Of the standard library alone, as it runs before anything is installed.
"""

import re
import subprocess
import sys
from pathlib import Path

SIZES = {".venv": "1.7 GB", ".venv-spark": "2.8 GB"}  # as measured, with what is installed afterwards


def main() -> int:
    """Install what the command line says; returns pip's exit code."""
    environment, *locks = sys.argv[1:]
    names = {name for lock in locks for name in re.findall(r"^([\w.-]+)==", Path(lock).read_text(), re.MULTILINE)}
    print(f"Installing {len(names)} packages into {environment}: {SIZES[environment]}, 1 to 3 minutes.", flush=True)
    requirements = [part for lock in locks for part in ("--requirement", lock)]
    command = [f"{environment}/bin/python", "-m", "pip", "install", "--no-deps", "--require-hashes", *requirements]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as pip:
        assert pip.stdout is not None
        seen = 0
        for line in pip.stdout:
            if line.startswith("Collecting "):
                seen += 1
                show(f"{seen} of {len(names)} packages found")
            elif line.startswith("Installing collected packages"):
                show(f"{seen} packages are written to {environment}")
    show("")
    return pip.returncode


def show(line: str) -> None:
    """Show how far it is, in place of what stood there; nothing where nobody watches."""
    if sys.stdout.isatty():
        print(f"\r\033[K{line}", end="", flush=True)


if __name__ == "__main__":
    sys.exit(main())
