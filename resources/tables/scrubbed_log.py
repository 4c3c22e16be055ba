"""What the log of a table says of its data files, brought in line with those that were written anew.

What else it says of rows goes, as it may be of somebody: the lowest and highest values of files that are gone, of which
the number of rows stays, and the conditions of commits. A merge notes the lowest and highest key of its rows there.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

_ON_FILES = ("add", "remove")
_ROWS, _PARSED, _CONDITION = "numRecords", "stats_parsed", "predicate"


@dataclass(frozen=True)
class Rewritten:
    """A data file as it is now: bytes, rows, and the statistics of its columns as the log has them."""

    size: int
    removed: int
    stats: Mapping[str, Any]


def tells_of_rows(file: Path, there: Collection[str]) -> bool:
    """Whether a file of the log, a commit or a checkpoint, says of rows what is in none of the data files.

    `there`: these, by their paths in the table.
    """
    if file.suffix == ".json":
        return any(action != _without_rows(action, there) for action in _actions(file))
    if file.suffix != ".parquet":
        return False
    known = [kind for kind in _ON_FILES if kind in pq.read_schema(file).names]
    columns = pq.read_table(file, columns=known)
    return any(
        entry is not None and _name(entry) not in there and _has_ends(entry)
        for kind in known
        for entry in columns[kind].to_pylist()
    )


def scrub_log(source: Path, target: Path, changed: Mapping[str, Rewritten], there: Collection[str]) -> bool:
    """Write a commit or checkpoint of the log as what became of the data files asks for; of others, False.

    `changed`, `there`: the data files that were written anew, and all, by their paths in the table.
    """
    if source.suffix == ".json":
        left = (_without_rows(_changed(action, changed), there) for action in _actions(source))
        lines = (json.dumps(action, separators=(",", ":")) for action in left)
        target.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return True
    if source.suffix == ".parquet":
        pq.write_table(_checkpoint(pq.read_table(source), changed, there), target)
        return True
    return False


def _actions(commit: Path) -> Iterator[dict[str, Any]]:
    return (json.loads(line) for line in commit.read_text(encoding="utf-8").splitlines() if line)


def _changed(action: dict[str, Any], changed: Mapping[str, Rewritten]) -> dict[str, Any]:
    return action | {kind: _as_now(action[kind], changed) for kind in _ON_FILES if kind in action}


def _without_rows(action: dict[str, Any], there: Collection[str]) -> dict[str, Any]:
    left = action | {kind: _without_ends(action[kind], there) for kind in _ON_FILES if kind in action}
    said = action.get("commitInfo", {}).get("operationParameters", {})
    if _CONDITION in said:
        kept = {name: value for name, value in said.items() if name != _CONDITION}
        left["commitInfo"] = action["commitInfo"] | {"operationParameters": kept}
    return left


def _name(entry: Mapping[str, Any]) -> str:
    return unquote(entry["path"])


def _has_ends(entry: Mapping[str, Any]) -> bool:
    return entry.get(_PARSED) is not None or bool(entry.get("stats") and json.loads(entry["stats"]).keys() - {_ROWS})


def _as_now(entry: dict[str, Any], changed: Mapping[str, Rewritten]) -> dict[str, Any]:
    """An entry of the log on a file: as it is now."""
    if (now := changed.get(_name(entry))) is None:
        return entry
    size = {"size": now.size} if entry.get("size") is not None else {}
    stats = {"stats": json.dumps(_like(entry["stats"], now.stats))} if entry.get("stats") else {}
    return entry | size | stats


def _without_ends(entry: dict[str, Any], there: Collection[str]) -> dict[str, Any]:
    if _name(entry) in there or not _has_ends(entry):
        return entry
    known = json.loads(entry.get("stats") or "{}")
    left = {key: value for key, value in entry.items() if key != _PARSED}
    return left | {"stats": json.dumps({_ROWS: known[_ROWS]}) if _ROWS in known else None}


def _like(old: str, now: Mapping[str, Any]) -> dict[str, Any]:
    """The statistics of those columns that the writer had noted some of."""
    before = json.loads(old)
    kept = {_ROWS: now[_ROWS]}
    for part in ("minValues", "maxValues", "nullCount"):
        if part in before:
            kept[part] = {name: now[part][name] for name in before[part] if name in now[part]}
    return kept


def _checkpoint(rows: pa.Table, changed: Mapping[str, Rewritten], there: Collection[str]) -> pa.Table:
    """A checkpoint, whose entries on files follow as those of commits do; parsed copies of statistics go."""
    for kind in _ON_FILES:
        if kind in rows.column_names:
            column = rows[kind].combine_chunks()
            field = rows.schema.field(kind)
            typed = pa.struct([each for each in field.type if not each.name.startswith(_PARSED)])
            entries = [
                None if entry is None else _without_ends(_as_now(entry, changed), there) for entry in column.to_pylist()
            ]
            made = pa.array(entries, typed)
            rows = rows.set_column(rows.column_names.index(kind), pa.field(kind, typed, field.nullable), made)
    return rows
