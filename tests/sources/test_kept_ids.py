"""Ids that are text have whole numbers in every table, and one table has both."""

from pathlib import Path

import pyarrow as pa
import pytest

from reco_assets.build import build_definitions
from reco_assets.pipelines.selections import BRONZE
from reco_assets.runner.run import RunFailedError, materialize_assets
from reco_assets.sources.columns import source
from reco_assets.sources.kept_ids import NOTE, id_of, numbered, texts_of
from reco_assets.sources.source import read_raw
from reco_assets.tables import BRONZE_RATINGS
from resources.engine import Engine
from resources.settings import load_settings
from resources.tables.lakehouse import Lakehouse

SAID = "ratings: {file: scores.csv, columns: {user_id: who, movie_id: film, rating: stars}}"


def load(lakehouse: Lakehouse, folder: Path, lines: str) -> list[int]:
    """Load ratings and give their users."""
    (folder / "scores.csv").write_text(f"who,film,stars\n{lines}")
    read, ids = numbered(lakehouse, source(folder, SAID))
    lakehouse.write(BRONZE_RATINGS, read_raw(read.ratings, {NOTE: ",".join(ids.texts)}))
    return users(lakehouse)


def users(lakehouse: Lakehouse) -> list[int]:
    rows: pa.Table = lakehouse.dataset("bronze/ratings").to_table()
    found: list[int] = rows.sort_by("_line")["user_id"].to_pylist()
    return found


def test_a_later_load_gives_a_text_the_id_it_had(lakehouse: Lakehouse, tmp_path: Path) -> None:
    assert load(lakehouse, tmp_path, "bob,7,4\nann,8,3\n") == [2, 1]
    assert load(lakehouse, tmp_path, "aaron,7,4\nann,8,3\nbob,8,2\n") == [3, 1, 2]
    assert [id_of(lakehouse, "user_id", said) for said in ("ann", "bob", "aaron", "nobody", "1")] == [1, 2, 3, 0, 0]
    assert texts_of(lakehouse, "user_id", [3, 1, 9]) == {3: "aaron", 1: "ann"}
    assert [id_of(lakehouse, "movie_id", said) for said in ("7", "heat", "9999999999")] == [7, None, None]


def test_a_source_with_numbers_in_place_of_texts_has_its_own_again(lakehouse: Lakehouse, tmp_path: Path) -> None:
    load(lakehouse, tmp_path, "5,heat,4\nann,heat,3\nbob,heat,3\n")
    assert load(lakehouse, tmp_path, "5,7,4\n6,7,3\n") == [5, 6]
    assert (id_of(lakehouse, "user_id", "5"), texts_of(lakehouse, "user_id", [1])) == (5, {})
    assert load(lakehouse, tmp_path, "zoe,heat,4\nann,heat,3\nbob,heat,3\n") == [4, 2, 3]


def test_the_load_of_bronze_keeps_ids_and_one_that_is_refused_changes_none(tmp_path: Path, engine: Engine) -> None:
    settings = load_settings(lakehouse_path=tmp_path / "lake", reco_source_path=tmp_path, reco_columns=SAID)
    lakehouse = Lakehouse(settings, engine)
    (tmp_path / "scores.csv").write_text("who,film,stars\nbob,heat,4\nann,heat,3\n")
    materialize_assets(build_definitions, settings, BRONZE)
    (tmp_path / "scores.csv").write_text("who,film,stars\nzoe,heat,40\nabe,heat,30\n")
    with pytest.raises(RunFailedError, match="2 of 2 rows"):
        materialize_assets(build_definitions, settings, BRONZE)
    assert users(lakehouse) == [2, 1]
    assert texts_of(lakehouse, "user_id", [1, 2]) == {1: "ann", 2: "bob"}
