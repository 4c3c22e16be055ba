"""Forgetting a user whose id is text: the text is nowhere, and the source's file brings nothing of the user back."""

from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from reco_assets.forgetting.forget import ForgetError, forget
from reco_assets.forgetting.people import People
from reco_assets.forgetting.reach import not_reached
from reco_assets.sources.columns import source
from reco_assets.sources.kept_ids import NOTE, id_of, numbered
from reco_assets.sources.remembered import Remembered, remember
from reco_assets.sources.source import read_raw
from reco_assets.tables import BRONZE_RATINGS
from resources.tables.lakehouse import Lakehouse

WHO = "anna@example.org"
SAID = "ratings: {file: scores.csv, columns: {user_id: who, movie_id: film, rating: stars}}"
LINES = f"who,film,stars\nbob,heat,4\n{WHO},heat,3\n{WHO},alien,300\ncarl,alien,2\n"

Load = Callable[[str], None]


@pytest.fixture
def load(lakehouse: Lakehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Load ratings of users whose ids are text."""
    monkeypatch.delenv("DAGSTER_HOME", raising=False)

    def loaded(lines: str) -> None:
        (tmp_path / "scores.csv").write_text(lines)
        read, ids = numbered(lakehouse, source(tmp_path, SAID))
        lakehouse.write(BRONZE_RATINGS, read_raw(read.ratings, {NOTE: ",".join(ids.texts)}))

    loaded(LINES)
    return loaded


def found_in(root: Path) -> list[Path]:
    """The files that have the text, in their bytes or in what Parquet packs."""
    packed = {file: str(pq.ParquetFile(file).read().to_pylist()) for file in root.rglob("*.parquet")}
    files = [file for file in root.rglob("*") if file.is_file()]
    return [file for file in files if WHO.encode() in file.read_bytes() or WHO in packed.get(file, "")]


def test_the_text_is_nowhere_and_others_keep_their_numbers_when_the_file_comes_again(
    lakehouse: Lakehouse, load: Load
) -> None:
    assert found_in(lakehouse.root)
    before = [id_of(lakehouse, "user_id", other) for other in ("bob", "carl")]

    assert forget(lakehouse.settings, [WHO])[0].left == ()
    assert found_in(lakehouse.root) == []

    load(f"{LINES}zoe,heat,4\n")
    assert found_in(lakehouse.root) == []
    assert [id_of(lakehouse, "user_id", other) for other in ("bob", "carl", "zoe")] == [*before, 4]
    assert sorted(lakehouse.dataset("bronze/ratings").to_table()["user_id"].to_pylist()) == [*before, 4]


def test_a_run_that_is_killed_before_the_text_went_is_ended_by_the_next(
    lakehouse: Lakehouse, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("resources.tables.scrubbing.scrub_file", killed)
        with pytest.raises(KeyboardInterrupt):
            forget(lakehouse.settings, [WHO])
    assert found_in(lakehouse.root)

    assert forget(lakehouse.settings, [WHO])[0].left == ()
    assert found_in(lakehouse.root) == []


def test_a_blank_is_no_id(lakehouse: Lakehouse, load: Load) -> None:
    with pytest.raises(ForgetError, match="' ' is no user's id"):
        forget(lakehouse.settings, [" "])


def test_own_files_in_the_lakehouse_whose_columns_have_any_names_are_said_to_be_left(lakehouse: Lakehouse) -> None:
    for kind, left in (("columns", True), ("movielens", False)):
        remember(lakehouse.root, Remembered(kind=kind, folder="given"))
        told = [each.what for each in not_reached(lakehouse.settings, People())]
        assert ("the source's own files" in told) is left
