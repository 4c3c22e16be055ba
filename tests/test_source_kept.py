"""A lakehouse keeps the source it was loaded from: another one replaces it only when a run says so."""

import hashlib
from pathlib import Path

import dagster as dg
import pytest

from reco_assets.build import build_definitions
from reco_assets.pipelines.selections import BRONZE
from reco_assets.runner.run import RunFailedError, materialize_assets
from reco_assets.sources.choose import choose_place
from resources.engine import Engine
from resources.settings import Settings, load_settings
from resources.tables.lakehouse import Lakehouse

REPLACE = {"bronze": {"replace_source": True}}


def write_movielens(folder: Path, ratings: int) -> Path:
    folder.mkdir()
    lines = [f"{user},10,4.0,{1_000_000_000 + user}" for user in range(1, ratings + 1)]
    (folder / "ratings.csv").write_text("\n".join(["userId,movieId,rating,timestamp", *lines]) + "\n")
    (folder / "movies.csv").write_text("movieId,title,genres\n10,Heat (1995),Crime\n")
    return folder


def contents(lake: Path) -> dict[str, str]:
    """The hash of every file of the lakehouse but its locks and the ledger of what runs took."""
    return {
        str(path.relative_to(lake)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in lake.rglob("*")
        if path.is_file() and not {"_locks", "ops", "ops.runs"} & set(path.parts)
    }


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A lakehouse that was loaded with three real ratings, and no source set."""
    made = load_settings(lakehouse_path=tmp_path / "lake")
    materialize_assets(
        build_definitions, with_source(made, reco_source_path=write_movielens(tmp_path / "raw", 3)), BRONZE
    )
    return made


def with_source(settings: Settings, **source: object) -> Settings:
    return load_settings(
        lakehouse_path=settings.storage.lakehouse_path, synthetic_ratings=200, synthetic_users=20, **source
    )


def loaded(settings: Settings, engine: Engine) -> int:
    return Lakehouse(settings, engine).row_count("bronze/ratings")


def test_without_a_source_set_a_run_loads_what_was_loaded_before(settings: Settings, engine: Engine) -> None:
    write_movielens(settings.storage.root.parent / "more", 4)
    (settings.storage.root.parent / "raw" / "ratings.csv").write_bytes(
        (settings.storage.root.parent / "more" / "ratings.csv").read_bytes()
    )
    materialize_assets(build_definitions, settings, BRONZE)
    assert loaded(settings, engine) == 4


@pytest.mark.parametrize("selected", [BRONZE, ("bronze/movies",)])
@pytest.mark.parametrize("kind", ["synthetic", "movielens"])
def test_another_source_is_refused_and_no_file_is_touched(
    settings: Settings, tmp_path: Path, kind: str, selected: tuple[str, ...]
) -> None:
    folder = write_movielens(tmp_path / "other", 5) if kind == "movielens" else None
    before = contents(settings.storage.root)
    with pytest.raises(RunFailedError, match=r"this lakehouse holds movielens .* --replace-source"):
        materialize_assets(
            build_definitions, with_source(settings, reco_source=kind, reco_source_path=folder), selected
        )
    assert contents(settings.storage.root) == before


@pytest.mark.parametrize("by", ["configuration", "setting"])
def test_a_run_that_says_so_replaces_the_source_and_the_lakehouse_remembers_the_new_one(
    settings: Settings, tmp_path: Path, engine: Engine, by: str
) -> None:
    other = with_source(
        settings,
        reco_source_path=write_movielens(tmp_path / "other", 5),
        reco_replace_source="on" if by == "setting" else "off",
    )
    materialize_assets(build_definitions, other, BRONZE, config=REPLACE if by == "configuration" else {})
    assert loaded(settings, engine) == 5
    assert choose_place(settings).folder == tmp_path / "other"


def test_a_part_of_bronze_cannot_come_from_another_source_than_the_rest(settings: Settings, tmp_path: Path) -> None:
    other = with_source(settings, reco_source_path=write_movielens(tmp_path / "other", 5))
    before = contents(settings.storage.root)
    with pytest.raises(RunFailedError, match="movies alone cannot come from movielens"):
        materialize_assets(build_definitions, other, ["bronze/movies"], config=REPLACE)
    assert contents(settings.storage.root) == before


def test_a_run_that_fails_while_it_replaces_leaves_the_source_as_it_was(settings: Settings, tmp_path: Path) -> None:
    folder = write_movielens(tmp_path / "other", 5)
    (folder / "ratings.csv").write_text((folder / "ratings.csv").read_text() + "1,2\n")
    before = contents(settings.storage.root)
    with pytest.raises(RunFailedError, match="2 fields where the first line has 4"):
        materialize_assets(build_definitions, with_source(settings, reco_source_path=folder), BRONZE, config=REPLACE)
    assert contents(settings.storage.root) == before
    assert choose_place(settings).folder == tmp_path / "raw"


def test_a_run_says_first_of_all_source_engine_and_lakehouse(settings: Settings) -> None:
    definitions = build_definitions(settings)
    job = definitions.resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.ephemeral() as instance:
        run = job.execute_in_process(instance=instance, asset_selection=[dg.AssetKey(["bronze", "ratings"])])
        said = [entry.user_message for entry in instance.all_logs(run.run_id) if not entry.is_dagster_event]
    folder = settings.storage.root.parent / "raw"
    assert (
        said[0] == f"source: movielens ({folder}), engine: {settings.engine.name}, lakehouse: {settings.storage.root}"
    )
