"""Tables, versions of models, and Parquet files by themselves."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pac
import pyarrow.parquet as pq

from reco_assets.forgetting.documents import scrub_json
from reco_assets.forgetting.lines import remove_sum
from reco_assets.forgetting.people import TEXT_COLUMNS, USER_COLUMNS, People
from reco_assets.models.versions.checksums import checksums
from reco_assets.models.versions.folders import MODEL_FILE
from resources.files import staged, write_json
from resources.tables.folders import swapped_in
from resources.tables.scrubbing import Gone, rows_to_go, scrub_file, scrub_table, table_rows_to_go

BACKUP_FILE = "backup.json"
_OF_MLLIB = "userFactors"  # its own folder in a version that Spark trained, where users stand under another name


def scrub_rows(path: Path, people: People, change: bool) -> int:
    """How many rows of a Delta table, in all of its versions, are of the users; with `change` they go."""
    return scrub_table(path, people.rows) if change else table_rows_to_go(path, people.rows)


def scrub_texts_of_ids(path: Path, people: People, change: bool) -> int:
    """As `scrub_rows`, of the table of ids that are text in the source."""

    def gone(rows: pa.Table) -> pa.ChunkedArray:
        theirs = pac.is_in(rows["text"], pa.array(sorted(people.texts), pa.string()))
        return pac.and_(theirs, pac.equal(rows["kind"], "user_id"))

    return scrub_table(path, gone) if change else table_rows_to_go(path, gone)


def scrub_parquet(path: Path, people: People, change: bool) -> int:
    """How many rows of one Parquet file are of the users; with `change` they go."""
    if not _has_users(path):
        return 0
    found = rows_to_go(path, gone := _gone(path, people))
    if found and change:
        with staged(path) as written:
            scrub_file(path, written, gone)
        remove_sum(path)
    return found


def scrub_model(path: Path, people: People, change: bool) -> int:
    """How many rows and documents of a model's folder, or of the folder of a backup, are of the users.

    With `change` they go, the records' checksums follow, and model.json counts it under `forgotten`: what the version
    was trained on isn't whole any more.
    """
    found = sum(scrub_parquet(file, people, False) for file in _parquet(path))
    found += sum(scrub_json(file, people, False) for file in _documents(path))
    if found and change:
        with swapped_in(path) as staging:
            shutil.copytree(path, staging, copy_function=os.link)
            for file in _parquet(staging):
                scrub_parquet(file, people, True)
            for file in _documents(staging):
                scrub_json(file, people, True)
            _follow(staging)
    return found


def _follow(folder: Path) -> None:
    """Let the records of a folder say what its files are now."""
    for record in sorted(folder.rglob(MODEL_FILE)):
        known = json.loads(record.read_text(encoding="utf-8"))
        files = _now(record.parent, known.get("files", {}))
        changed = files != known.get("files", {})
        write_json(record, known | {"files": files, "forgotten": known.get("forgotten", 0) + changed})
    for record in sorted(folder.rglob(BACKUP_FILE)):
        known = json.loads(record.read_text(encoding="utf-8"))
        write_json(record, known | {"files": _now(record.parent / known["version"], known["files"])})


def _now(folder: Path, files: Mapping[str, str]) -> dict[str, str]:
    """The sums of files that Hadoop keeps beside changed ones are gone, and no loss."""
    there = checksums(folder)
    return {name: there.get(name, digest) for name, digest in files.items() if name in there or name[-4:] != ".crc"}


def _parquet(folder: Path) -> Iterator[Path]:
    return (file for file in sorted(folder.rglob("*.parquet")) if file.is_file() and _has_users(file))


def _documents(folder: Path) -> Iterator[Path]:
    return (file for file in sorted(folder.rglob("*.json")) if file.name not in (MODEL_FILE, BACKUP_FILE))


def _gone(file: Path, people: People) -> Gone:
    if file.parent.name == _OF_MLLIB:
        return lambda rows: people.rows(rows.rename_columns({"id": "user_id"}))
    return people.rows


def _has_users(file: Path) -> bool:
    return file.parent.name == _OF_MLLIB or bool({*USER_COLUMNS, *TEXT_COLUMNS} & set(pq.read_schema(file).names))
