"""Forgetting users: their tombstones first, so that nothing of them comes in again, then every place, then a proof.

A run that is killed anywhere is run again and ends the same: each step finds what is left, and what translates the ids
of a source goes last.
"""

import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from reco_assets.forgetting.certificate import Certificate, Found, Unread, write_certificate
from reco_assets.forgetting.counts import recount
from reco_assets.forgetting.holders import IDS_OF_TEXTS, UNREADABLE, places, sweep
from reco_assets.forgetting.people import People
from reco_assets.forgetting.reach import mentioned_still, not_reached, roots
from reco_assets.serving.opening import arrays_folder
from reco_assets.sources.kept_ids import id_of, texts_of
from reco_assets.tables import IDS
from reco_assets.tombstones import add_tombstones, hash_of, read_tombstones
from reco_assets.version import code_version
from resources.dagster_home import open_instance
from resources.errors import RecoError
from resources.locking.locks import held
from resources.orchestrator.webserver import AT_WORK
from resources.settings import Settings
from resources.tables.files import is_delta
from resources.tables.lakehouse import Lakehouse
from resources.tables.places import noted_uri
from resources.tables.upkeep import delta_tables

LOCKS = ("bronze/source", "features/store", "stream/accepted", "stream/intake", "ops/forgetting")


class ForgetError(RecoError):
    """Users can't be forgotten now; the message says why, and what to do. Nothing was changed."""


def look_for(settings: Settings, ids: Sequence[str]) -> Certificate:
    """What `forget` would remove; nothing is changed. Raises `ForgetError`."""
    lakehouse = Lakehouse.open(settings)
    _require_files(lakehouse)
    people = people_of(lakehouse, ids)
    known = read_tombstones(lakehouse.root)
    hashes = tuple(sorted(hash_of(known.key, name) for name in people.names)) if known.key else ()
    found, unread = _worked(lakehouse, people, False)
    return replace(_certified(lakehouse, people, hashes, found), unread=unread)


def forget(settings: Settings, ids: Sequence[str]) -> tuple[Certificate, Path]:
    """Remove users from every place that the platform reaches, for good; returns the certificate, and where it lies.

    `ids`: as the source has them. Doing it again changes nothing. Raises `ForgetError`; and `LockError`, which names
    who, while somebody writes to the lakehouse.
    """
    lakehouse = Lakehouse.open(settings)
    _require_files(lakehouse)
    with _alone(lakehouse):
        for root in roots(settings):
            sweep(root)
        people = people_of(lakehouse, ids)
        key = add_tombstones(lakehouse.root, people.names).key
        hashes = tuple(sorted(hash_of(key, name) for name in people.names))
        recounted = recount(lakehouse, people, True)
        worked, failed = _worked(lakehouse, people, True)
        _forget_texts(lakehouse, people)
        shutil.rmtree(arrays_folder(lakehouse), ignore_errors=True)  # servers make them anew
        left, unread = _worked(lakehouse, people, False)
        certified = _certified(lakehouse, people, hashes, worked)
        certificate = replace(
            certified,
            not_reached=(*certified.not_reached, *mentioned_still(settings, people)),
            batches_recounted=recounted,
            left=left,
            unread=tuple(dict.fromkeys([*failed, *unread])),
        )
        return certificate, write_certificate(lakehouse.root, certificate)


def people_of(lakehouse: Lakehouse, ids: Sequence[str]) -> People:
    """The users of these ids, as their source has them. Raises `ForgetError` for what is no id."""
    numbers, texts = set[int](), set[str]()
    for said in ids:
        number = id_of(lakehouse, "user_id", said) if said.strip() else None
        if number is None:
            what = "whole numbers up to 2147483647" if said.strip() else "not blank"
            raise ForgetError(f"{said!r} is no user's id: those of this lakehouse are {what}.")
        is_text = bool(texts_of(lakehouse, "user_id", [number])) or not said.strip().isdecimal()
        if is_text:
            texts.add(said.strip())
        if number or not is_text:
            numbers.add(number)
    return People(frozenset(numbers), frozenset(texts))


def _worked(lakehouse: Lakehouse, people: People, change: bool) -> tuple[tuple[Found, ...], tuple[Unread, ...]]:
    """What was found in each place, in all places below the roots, and those that can't be read or changed."""
    found, unread = list[Found](), list[Unread]()
    there = [each for root in roots(lakehouse.settings) for each in places(root)]
    if people.texts and not change and is_delta(lakehouse.path(IDS.name)):
        there.append((IDS_OF_TEXTS, lakehouse.path(IDS.name)))
    for holder, path in there:
        before = _size(path)
        try:
            if count := holder.work(path, people, change):
                found.append(Found(holder.name, holder.unit, str(path), count, before, _size(path)))
        except UNREADABLE as error:  # the others go on
            unread.append(Unread(str(path), str(error)))
    return tuple(found), tuple(unread)


def _forget_texts(lakehouse: Lakehouse, people: People) -> None:
    """Take the texts out of the table of ids. Their numbers stay taken, so that nobody who is new gets one of them."""
    if not people.texts or not lakehouse.exists(IDS.name):
        return
    rows = lakehouse.dataset(IDS.name).to_table().sort_by([("kind", "ascending"), ("id", "ascending")])
    texts = [
        f"forgotten-{uuid.uuid4().hex}" if kind == "user_id" and text in people.texts else text
        for kind, text in zip(rows["kind"].to_pylist(), rows["text"].to_pylist(), strict=True)
    ]
    if texts != rows["text"].to_pylist():
        lakehouse.write(IDS, rows.set_column(rows.column_names.index("text"), "text", pa.array(texts, pa.string())))
    if is_delta(lakehouse.path(IDS.name)):
        IDS_OF_TEXTS.work(lakehouse.path(IDS.name), people, True)


def _certified(lakehouse: Lakehouse, people: People, hashes: tuple[str, ...], worked: tuple[Found, ...]) -> Certificate:
    return Certificate(
        made_ts=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        code_version=code_version(),
        users=hashes,
        places=worked,
        not_reached=tuple(not_reached(lakehouse.settings, people)),
    )


def _require_files(lakehouse: Lakehouse) -> None:
    """Raise `ForgetError` where tables lie on object storage: history there can't be replaced at once."""
    for name in delta_tables(lakehouse):
        if noted_uri(lakehouse.path(name)) is not None:
            raise ForgetError(
                f"{name} lies on object storage (LAKEHOUSE_TABLES_URI), where users can't be forgotten yet. Bring the "
                "tables to a disk: docs/forgetting.md says how. Nothing was changed."
            )


@contextmanager
def _alone(lakehouse: Lakehouse) -> Iterator[None]:
    """Hold every lock of the lakehouse. Raises `LockError` where one is held, `ForgetError` while Dagster has a run."""
    with open_instance() as instance:
        if runs := [run.run_id[:8] for run in instance.get_runs(limit=1_000) if run.status.value in AT_WORK]:
            raise ForgetError(f"Run {runs[0]} is at work. Wait for its end, or end it, and start again.")
    homes = {lakehouse.root, lakehouse.lake}
    files = {file for home in homes for file in (home / "_locks").glob("*.lock")}
    files |= {lakehouse.root / "_locks" / f"{name.replace('/', '.')}.lock" for name in LOCKS}
    with ExitStack() as stack:
        for file in sorted(files):
            stack.enter_context(held(file, f"{file.stem.replace('.', '/')} in {file.parents[1]}", 0))
        yield


def _size(path: Path) -> int:
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return path.stat().st_size if path.exists() else 0
