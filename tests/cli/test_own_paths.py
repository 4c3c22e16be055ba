"""The documents' arguments as written: the assets are made, and plain Parquet is kept where the arguments say."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from reco_assets.given_files.own_paths import OwnPathError, is_candidate, presplit_folder, require_future_of_source
from reco_assets.models.versions.folders import REQUIRED_FILES
from reco_assets.models.versions.store import MODEL_FILE, model_store
from resources.files import write_json
from resources.settings import Settings, load_settings

Done = subprocess.CompletedProcess[str]
AIRFLOW = {"AIRFLOW_CTX_DAG_ID": "etl_train_test_pipeline", "AIRFLOW_CTX_DAG_RUN_ID": "manual__1"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(lakehouse_path=tmp_path / "lake", reco_engine="embedded")


def version(settings: Settings, name: str, **facts: Any) -> Path:
    folder = model_store(settings).path(name)
    folder.mkdir(parents=True)
    for file in REQUIRED_FILES:
        (folder / file).touch()
    write_json(folder / MODEL_FILE, facts)
    return folder


def test_the_candidate_is_the_newest_version_if_the_assets_trained_it(settings: Settings) -> None:
    first, second = (version(settings, f"2026010{day}_000000", dagster_run_id="run") for day in (1, 2))
    assert is_candidate(settings, second)
    assert not is_candidate(settings, first)
    by_hand = version(settings, "version_20260103_000000")
    assert not is_candidate(settings, by_hand)
    assert not is_candidate(settings, second)


def test_without_a_version_nothing_is_the_candidate(settings: Settings, tmp_path: Path) -> None:
    assert not is_candidate(settings, tmp_path)


def test_split_files_must_lie_as_the_etl_reads_them(tmp_path: Path) -> None:
    train, test = tmp_path / "train.txt", tmp_path / "test.txt"
    assert presplit_folder({"train": train, "test": test}) == tmp_path
    for wrong in (
        {"train": tmp_path / "mine.txt", "test": test},
        {"train": train, "test": tmp_path / "other" / "test.txt"},
        {"train": test, "test": train},
        {"train": train},
    ):
        with pytest.raises(OwnPathError, match=r"train\.txt and test\.txt in one folder"):
            presplit_folder(wrong)


def test_split_files_beside_a_folder_that_the_etl_prefers_are_refused(tmp_path: Path) -> None:
    (tmp_path / "combined").mkdir()
    with pytest.raises(OwnPathError):
        presplit_folder({"train": tmp_path / "train.txt", "test": tmp_path / "test.txt"})


def test_a_file_of_future_ratings_that_is_not_there_is_named(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(OwnPathError, match=r"future\.txt does not exist"):
        require_future_of_source(settings, tmp_path / "future.txt")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, run_python: Callable[..., Done], small: dict[str, str]) -> Path:
    """A folder with an awkward name, and in it split ratings in the documents' block format."""
    folder = tmp_path_factory.mktemp("own") / "o'brien's \"work\" space"
    (folder / "combined").mkdir(parents=True)
    variables = small | {"LAKEHOUSE_PATH": str(folder / "made")}
    assert run_python(["-m", "reco_assets.cli", "etl"], variables, folder).returncode == 0
    for side in ("train", "test", "future"):
        write_blocks(folder / "made" / "silver" / f"{side}_ratings", folder / "combined" / f"{side}.txt")
    return folder


def write_blocks(table: Path, path: Path) -> None:
    """A table's ratings as `MOVIE_ID:` and below it `CUST_ID,RATING,DATE`."""
    from resources.tables.files import dataset_at

    rows = dataset_at(table).to_table().sort_by([("movie_id", "ascending")]).to_pylist()
    lines, movie = [], None
    for row in rows:
        if row["movie_id"] != movie:
            movie = row["movie_id"]
            lines.append(f"{movie}:")
        lines.append(f"{row['user_id']},{row['rating']},{row['rating_ts']:%Y-%m-%d}")
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.slow
def test_the_documented_arguments_as_written_go_through_the_assets_task_by_task(
    workspace: Path, run_python: Callable[..., Done]
) -> None:
    lake, combined, results = workspace / "data", workspace / "combined", workspace / "results"
    parquet, models = lake / "processed" / "parquet", workspace / "models" / "artifacts"

    def task(name: str, *arguments: str) -> dict[str, Any]:
        """Run a command as Airflow's task of that name; returns what it handed over."""
        variables = AIRFLOW | {"LAKEHOUSE_PATH": str(lake), "RECO_RESULTS_PATH": str(results), "PUBLISH_PATHS": "on"}
        command = ["-m", "reco_assets.cli", *arguments]
        done = run_python(command, variables | {"AIRFLOW_CTX_TASK_ID": name}, workspace)
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(
            (results / "etl_train_test_pipeline" / "manual__1" / f"{name}.json").read_text()
        )
        return found

    def rows(side: str) -> int:
        return sum(not line.endswith(":") for line in (combined / f"{side}.txt").read_text().splitlines())

    etl = task(
        "spark_etl",
        *("etl", "--train-file", str(combined / "train.txt"), "--test-file", str(combined / "test.txt")),
        *("--parquet-train-path", str(parquet / "train"), "--parquet-test-path", str(parquet / "test")),
    )
    assert [etl["assets"][f"silver/{side}_ratings"]["row_count"] for side in ("train", "test")] == [
        rows("train"),
        rows("test"),
    ]
    assert [pq.read_table(parquet / side).num_rows for side in ("train", "test")] == [rows("train"), rows("test")]
    exported = str(lake / "processed" / "future.csv")
    futures = task("futures", "futures", "--future-file", str(combined / "future.txt"), "--csv-output-path", exported)
    assert futures["assets"]["silver/future_csv"] == {"row_count": rows("future"), "path": exported}
    trained = task(
        "train",
        *("train", "--parquet-train-path", str(parquet / "train")),
        *("--model-output-path", str(models / "version_{timestamp}")),
    )
    assert list(trained["assets"]) == ["models/als_candidate"]
    latest = task("find_latest_model", "run", "--function", "find_latest_model")["value"]
    assert latest == trained["assets"]["models/als_candidate"]["path"]
    published = models / f"version_{Path(latest).name}"
    assert sorted(path.name for path in published.glob("*.parquet")) == ["item_factors.parquet", "user_factors.parquet"]
    judged = task(
        "evaluate",
        *("evaluate", "--model-path", str(published), "--test-parquet", str(parquet / "test")),
        *("--k", "10", "--rating-threshold", "4.0"),
    )
    assert list(judged["assets"]) == [
        "models/als_evaluation",
        "models/als_champion",
        "gold/recommendations_als",
        "gold/similar_movies",
    ]
    assert judged["assets"]["gold/recommendations_als"]["model_version"] == Path(latest).name


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (
            ["etl", "--train-file", "train.txt", "--parquet-train-path", "lake/silver/train_ratings"],
            "train.txt and test.txt in one folder",
        ),
        (["etl", "--train-file", "train.txt"], "--train-file needs --parquet-train-path"),
        (
            [
                *("etl", "--train-file", "a.txt", "--test-file", "test.txt"),
                *("--parquet-train-path", "lake/silver/train_ratings"),
                *("--parquet-test-path", "lake/silver/test_ratings"),
            ],
            "train.txt and test.txt in one folder",
        ),
        (["futures", "--future-file", "future.txt"], "future.txt does not exist"),
    ],
)
def test_files_that_cannot_become_the_own_tables_are_refused(
    reco: Callable[..., Done], tmp_path: Path, arguments: list[str], complaint: str
) -> None:
    done = reco(*arguments)
    assert done.returncode in (1, 2)
    assert complaint in " ".join(done.stderr.replace("│", " ").split())
    assert not (tmp_path / "lake" / "silver").exists()
