"""Documents, databases and what is kept of other things: JSON, pages, logs, sqlite and DuckDB files, arrays."""

import json
import shutil
import sqlite3
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from reco_assets.forgetting.people import USER_COLUMNS, People, without
from resources.databases import DatabaseError, new_database, open_to_read
from resources.files import hidden_beside, write_json, write_text_atomically

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_SQLITE_WAITS = 60.0  # seconds, for another process's transaction


def scrub_json(path: Path, people: People, change: bool) -> int:
    """1 where a JSON document holds something of the users, else 0; with `change` that goes."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:  # a damaged one, or another encoding
        return scrub_text(path, people, change)
    left = without(people, document)
    if left == document:
        return 0
    if change:
        write_json(path, left)
    return 1


def scrub_text(path: Path, people: People, change: bool) -> int:
    """How often a text names one of the users whose ids can't be something else; with `change` another word does."""
    if people.telling is None:
        return 0
    try:
        text = path.read_text(encoding="utf-8")
    except ValueError:
        return 0
    named = len(people.telling.findall(text))
    if named and change:
        write_text_atomically(path, people.hidden(text))
    return named


def remove_kept(path: Path, people: People, change: bool) -> int:
    """1 where a file that is made again when it is missing holds one of the ids, or can't be read; with `change` the
    file goes.
    """
    held = _in_arrays(path, people) if path.suffix == ".npz" else _in_json(path, people)
    if held and change:
        path.unlink()
    return int(held)


def remove_whole(path: Path, _people: People, change: bool) -> int:
    """1: nobody can tell whose data such a file holds, and it is made again when it is missing."""
    if change:
        path.unlink()
    return 1


def scrub_sqlite(path: Path, people: People, change: bool) -> int:
    """How many texts of a sqlite file hold something of the users; with `change` that goes, also from free pages."""
    found = 0
    with closing(sqlite3.connect(path, timeout=_SQLITE_WAITS)) as database:
        database.execute("PRAGMA secure_delete = ON")  # or a run that is killed before the end leaves the texts
        database.text_factory = lambda raw: raw.decode(errors="surrogateescape")
        for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            found += _scrub_rows(database, table, people, change)
        database.commit()
        if change:
            database.execute("VACUUM")  # always: what was removed long ago may still lie in free pages
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return found


def scrub_features(path: Path, people: People, change: bool) -> int:
    """How many rows of a version of the feature store are of the users; with `change` it is written anew without."""
    with closing(open_to_read(path)) as store:
        columns = store.execute(
            "SELECT c.table_name, c.column_name FROM duckdb_columns() c JOIN duckdb_tables() t USING (table_name)"
        ).fetchall()
        held = {table: name for table, name in columns if name in USER_COLUMNS}
        found = sum(
            store.execute(f'SELECT count(*) FROM "{table}" WHERE {_theirs(name, people)}').fetchall()[0][0]
            for table, name in held.items()
        )
    if found and change:
        _write_features(path, {table: _theirs(name, people) for table, name in held.items()})
    return int(found)


def _theirs(column: str, people: People) -> str:
    numbers = ", ".join(map(str, sorted(people.numbers))) or "NULL"
    return f'coalesce("{column}" IN ({numbers}), false)'


def _write_features(path: Path, gone: Mapping[str, str]) -> None:
    scratch = hidden_beside(path)
    scratch.mkdir()
    try:
        made = scratch / "store"
        with new_database(made, path) as store:
            store.execute(f"ATTACH '{str(path).replace(chr(39), chr(39) * 2)}' AS before (READ_ONLY)")
            tables = "SELECT table_name FROM duckdb_tables() WHERE database_name = 'before' ORDER BY table_oid"
            for (table,) in store.execute(tables).fetchall():
                kept = f"WHERE NOT {gone[table]}" if table in gone else ""
                store.execute(f'CREATE TABLE "{table}" AS SELECT * FROM before."{table}" {kept}')
            views = "SELECT sql FROM duckdb_views() WHERE database_name = 'before' AND NOT internal"
            _make_views(store, [sql for (sql,) in store.execute(views).fetchall()])
            store.execute("DETACH before")
        shutil.copymode(path, made)
        made.replace(path)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _make_views(store: "DuckDBPyConnection", views: Sequence[str]) -> None:
    """Make views, each after those that it reads, which DuckDB doesn't tell."""
    import duckdb

    left = list(views)
    while left:
        failed, told = list[str](), ""
        for sql in left:
            try:
                store.execute(sql)
            except duckdb.CatalogException as error:
                failed.append(sql)
                told = str(error)
        if len(failed) == len(left):
            fix = "Compute a version and remove this one: reco features compute."
            raise DatabaseError(f"Views of the feature store can't be made again: {told}. {fix}")
        left = failed


def _scrub_rows(database: sqlite3.Connection, table: str, people: People, change: bool) -> int:
    columns = [name for _, name, kind, *_ in database.execute(f'PRAGMA table_info("{table}")') if kind != "INTEGER"]
    found = 0
    for column in columns:
        named = " OR ".join(f'instr("{column}", ?)' for _ in people.written)
        query = f'SELECT rowid, "{column}" FROM "{table}" WHERE typeof("{column}") = \'text\' AND ({named})'
        for row, text in database.execute(query, people.written).fetchall():
            left = _without_text(text, people)
            if left != text:
                found += 1
                if change:
                    database.execute(f'UPDATE "{table}" SET "{column}" = ? WHERE rowid = ?', (left, row))
    return found


def _without_text(text: str, people: People) -> str:
    if text.startswith(("{", "[")):
        try:
            document = json.loads(text)
        except ValueError:
            return people.hidden(text)
        left = without(people, document)
        return text if left == document else json.dumps(left)
    return people.hidden(text)


def _in_arrays(path: Path, people: People) -> bool:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            whole = [arrays[name] for name in arrays.files if arrays[name].dtype.kind in "iu"]
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return True
    return any(np.isin(list(people.numbers), array).any() for array in whole)


def _in_json(path: Path, people: People) -> bool:
    try:
        return _holds(json.loads(path.read_text(encoding="utf-8")), people)
    except ValueError:
        return True


def _holds(document: Any, people: People) -> bool:
    if isinstance(document, dict):
        return any(_holds(each, people) for each in document.values())
    if isinstance(document, list):
        return any(_holds(each, people) for each in document)
    return isinstance(document, int | str) and (people.are(document) or people.mentioned(str(document)))
