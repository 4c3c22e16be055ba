"""Files in another scale or format: neither door loads them, and what was there stays."""

import hashlib
from pathlib import Path

import pytest

from reco_assets.build import build_definitions
from reco_assets.pipelines.selections import BRONZE, STREAM
from reco_assets.runner.run import RunFailedError, materialize_assets
from resources.settings import Settings, load_settings

HEADER = "DATE,CUST_ID,MOVIE_ID,RATING\n"


def write_movielens(folder: Path, scale: float) -> None:
    folder.mkdir(exist_ok=True)
    rows = [f"{user},{user % 20},{scale * (user % 10 + 1) / 2:g},1000000000" for user in range(400)]
    (folder / "ratings.csv").write_text("\n".join(["userId,movieId,rating,timestamp", *rows]) + "\n")
    (folder / "movies.csv").write_text("movieId,title,genres\n10,Heat (1995),Crime\n")


def hashes(folder: Path) -> dict[Path, str]:
    """Of all but locks and the ledger of what runs took."""
    return {
        path: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".lock" and not {"ops", "ops.runs"} & set(path.parts)
    }


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(lakehouse_path=tmp_path / "lake", reco_source_path=tmp_path / "raw")


def test_ratings_of_another_scale_stop_the_run_before_any_table_changes(settings: Settings, tmp_path: Path) -> None:
    write_movielens(tmp_path / "raw", scale=1)
    materialize_assets(build_definitions, settings, BRONZE)
    before = hashes(settings.storage.root)
    write_movielens(tmp_path / "raw", scale=2)
    with pytest.raises(RunFailedError, match=r"ratings\.csv: 200 of 400 rows .* as on a scale of 1 to 10"):
        materialize_assets(build_definitions, settings, BRONZE)
    assert hashes(settings.storage.root) == before


def test_ratings_without_a_row_replace_none(settings: Settings, tmp_path: Path) -> None:
    write_movielens(tmp_path / "raw", scale=1)
    materialize_assets(build_definitions, settings, BRONZE)
    before = hashes(settings.storage.root)
    (tmp_path / "raw" / "ratings.csv").write_text("userId,movieId,rating,timestamp\n")
    with pytest.raises(RunFailedError, match=r"ratings\.csv: the file holds a header and no rows"):
        materialize_assets(build_definitions, settings, BRONZE)
    assert hashes(settings.storage.root) == before


def test_on_a_fresh_lakehouse_no_table_is_begun(settings: Settings, tmp_path: Path) -> None:
    write_movielens(tmp_path / "raw", scale=2)
    with pytest.raises(RunFailedError, match="as on a scale of 1 to 10"):
        materialize_assets(build_definitions, settings, BRONZE)
    assert not hashes(settings.storage.root)


def test_whoever_says_so_loads_what_can_be_read(settings: Settings, tmp_path: Path) -> None:
    write_movielens(tmp_path / "raw", scale=2)
    allowed = settings.changed(quarantine_max_share=1.0)
    assert materialize_assets(build_definitions, allowed, BRONZE).metadata["bronze/ratings"]["dagster/row_count"] == 400


def test_of_the_streaming_folder_one_bad_file_is_refused_and_the_others_are_taken_in(settings: Settings) -> None:
    settings.storage.landing.mkdir(parents=True)
    offset = [f"2024-01-31T10:00:00+02:00,{user},1,4" for user in range(400)]
    (settings.storage.landing / "offset.csv").write_text(HEADER + "\n".join(offset) + "\n")
    (settings.storage.landing / "good.csv").write_text(
        HEADER + "2024-01-31 08:00:00,1,1,4\nbad,2,2,4\n2024-02-01,2,1,4\n"
    )
    outcome = materialize_assets(build_definitions, settings, STREAM)
    figures = outcome.metadata["stream/ratings"]
    assert (figures["files_received"], figures["files_refused"], figures["good"], figures["quarantined"]) == (
        1,
        1,
        2,
        1,
    )
    refused = settings.storage.landing / "_refused"
    assert (refused / "offset.csv").read_text() == HEADER + "\n".join(offset) + "\n"
    assert "400 of 400 rows" in (refused / "offset.csv.error.txt").read_text()
    (told,) = (checked for checked in outcome.checks if checked.name == "no_file_refused")
    assert not told.passed
