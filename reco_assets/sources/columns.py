"""Own files by a description: `columns.yaml` beside them, or what RECO_COLUMNS holds or names."""

from collections.abc import Sequence
from pathlib import Path

import yaml
from pydantic import ValidationError

from reco_assets.sources.dialect import Files
from reco_assets.sources.own import own_source
from reco_assets.sources.source import Format, Source, SourceError

FILE, SETTING = "columns.yaml", "RECO_COLUMNS"
_IN_WORDS = {
    "extra_forbidden": "no such setting",
    "missing": "must be there",
    "model_type": "must say file and columns of a table",
}
_FIX = "docs/sources.md has what may stand there, with examples."


def source(folder: Path, said: str | None = None) -> Source:
    """The files in a folder as `said` describes them, or its `columns.yaml`. Raises `SourceError`."""
    return own_source("columns", folder, described(folder, said))


def described(folder: Path, said: str | None) -> Files:
    """What `said`, which is YAML or the path of a file with some, tells of the files. Raises `SourceError`."""
    if said and ("\n" in said or ": " in said):
        return parsed(said, SETTING)
    path = Path(said).expanduser() if said else folder / FILE
    try:
        return parsed(path.read_text(encoding="utf-8-sig"), path)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        rule = f"this description of the files can't be read: {reason}"
        raise SourceError(path, None, rule, f"Set {SETTING} to a YAML file or to its text. {_FIX}") from None


def parsed(text: str, where: Path | str) -> Files:
    """Files as YAML describes them. Raises `SourceError` with the line of the first thing that is wrong."""
    try:
        tree = yaml.compose(text, yaml.SafeLoader)
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else None
        raise SourceError(where, line, f"no YAML: {getattr(error, 'problem', error)}", _FIX) from None
    if not isinstance(content, dict):
        raise SourceError(where, None, "must name ratings, and may name movies and tags", _FIX)
    try:
        return Files.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        path = [part for part in first["loc"] if part != "[key]"]
        raise SourceError(where, _line_of(tree, path), _rule(path, first["msg"], first["type"]), _FIX) from None


def _rule(path: Sequence[int | str], message: str, kind: str) -> str:
    named = ".".join(str(part) for part in path)
    said = _IN_WORDS.get(kind, message)
    said = said.removeprefix("Value error, ")
    return f"{named}: {said[0].lower()}{said[1:]}" if named else said


def _line_of(tree: yaml.Node | None, path: Sequence[int | str]) -> int | None:
    """The line, from 1, of the last part of a path that stands in the text."""
    line = None
    for part in path:
        if not isinstance(tree, yaml.MappingNode):
            break
        pair = next((pair for pair in tree.value if pair[0].value == str(part)), None)
        if pair is None:
            break
        line, tree = pair[0].start_mark.line + 1, pair[1]
    return line


FORMAT = Format(source, signs=(FILE,))
