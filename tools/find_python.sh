#!/bin/sh
# Prints the first Python that is here and can make an environment, of the versions given (default: 3.11 to 3.14).
# 3.11 comes first because the image runs on it. Those of pyenv are found too, also where pyenv doesn't select them.
if [ $# = 0 ]; then
    set -- 3.11 3.12 3.13 3.14
fi
for version in "$@"; do
    for python in "python$version" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/"python$version"; do
        if "$python" -c "import ensurepip, venv" >/dev/null 2>&1; then
            command -v "$python"
            exit 0
        fi
    done
done
echo "None of Python $* was found, with the module venv: install one, or run make PYTHON=/path/to/python3.11" >&2
exit 1
