"""Mermaid's diagrams as pictures in the page: no browser draws them, and none fetches what would."""

import base64
import re
import subprocess
import sys

FENCE = re.compile(r"^```mermaid\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SIZE = re.compile(r'width="100%"(.*?)viewBox="(\S+ \S+ (\S+) (\S+))"', re.DOTALL)


def drawn(markdown: str) -> str:
    """A page with every diagram as a picture, which scrolls where it is too wide."""
    return FENCE.sub(lambda found: _figure(found[1]), markdown)


def _figure(source: str) -> str:
    # Its size stands in the picture, as a page gives one without any the size of its column.
    svg = _SIZE.sub(r'width="\3" height="\4"\1viewBox="\2"', svg_of(source), count=1)
    data = base64.b64encode(svg.encode()).decode()
    return f'<div class="diagram"><img alt="Diagram" src="data:image/svg+xml;base64,{data}"></div>'


def svg_of(source: str) -> str:
    """A diagram as SVG. Raises `ValueError` with what the drawing program says of it."""
    # A process of its own, as the library reports leaks of its binding when a process that used it ends.
    command = [sys.executable, "-m", "mmdr", "--input", "-", "--output", "-"]
    done = subprocess.run(command, input=source, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(f"{done.stderr.strip()}\n{source}")
    return done.stdout
