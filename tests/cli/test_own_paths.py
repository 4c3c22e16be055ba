"""The documents' arguments as written: the assets are made, and plain Parquet is kept where the arguments say."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

Done = subprocess.CompletedProcess[str]
AIRFLOW = {"AIRFLOW_CTX_DAG_ID": "etl_train_test_pipeline", "AIRFLOW_CTX_DAG_RUN_ID": "manual__1"}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, run_reco: Callable[..., Done], small: dict[str, str]) -> Path:
    """A folder with an awkward name, and in it split ratings in the documents' block format."""
    folder = tmp_path_factory.mktemp("own") / "o'brien's \"work\" space"
    (folder / "combined").mkdir(parents=True)
    variables = small | {"LAKEHOUSE_PATH": str(folder / "made")}
    assert run_reco(["etl"], variables, folder).returncode == 0
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
    workspace: Path, run_reco: Callable[..., Done]
) -> None:
    lake, combined, results = workspace / "data", workspace / "combined", workspace / "results"
    parquet, models = lake / "processed" / "parquet", workspace / "models" / "artifacts"

    def task(name: str, *arguments: str) -> dict[str, Any]:
        """Run a command as Airflow's task of that name; returns what it handed over."""
        variables = AIRFLOW | {"LAKEHOUSE_PATH": str(lake), "RECO_RESULTS_PATH": str(results), "PUBLISH_PATHS": "on"}
        done = run_reco([*arguments], variables | {"AIRFLOW_CTX_TASK_ID": name}, workspace)
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
        "models/metrics",
        "models/als_experiment",
        "models/als_champion",
        "gold/recommendations_als",
        "gold/similar_movies",
        "gold/exposures",
        "gold/recommendations_why",
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
