import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pyarrow.csv as pc
import pytest

pytestmark = pytest.mark.slow

Reco = Callable[..., "subprocess.CompletedProcess[str]"]
Demo = tuple[Path, "subprocess.CompletedProcess[str]"]

BLOCKS = "1:\n10,5,2005-01-01\n11,4,2005-01-02\n12,1,2005-01-03\n2:\n10,3,2005-02-01\n11,2,2005-02-02\nx,2,2005-02-02\n"


def test_demo_runs_the_main_job_and_shows_tables_metrics_decision_and_recommendations(demo_lake: Demo) -> None:
    _, done = demo_lake
    assert done.returncode == 0, done.stderr
    for shown in (
        "gold/recommendations_als",
        "warm RMSE",
        "popularity",
        "promoted: there is no champion",
        "For user 1",
    ):
        assert shown in done.stdout


def test_recommend_shows_titles_genres_and_scores(demo_lake: Demo, reco: Reco) -> None:
    done = reco("recommend", "--user", "2", LAKEHOUSE_PATH=str(demo_lake[0]))
    assert done.returncode == 0, done.stderr
    assert "For user 2" in done.stdout
    assert "The " in done.stdout


def test_recommend_says_why_by_the_users_own_movies(demo_lake: Demo, reco: Reco) -> None:
    done = reco("recommend", "--user", "2", "--why", LAKEHOUSE_PATH=str(demo_lake[0]))
    assert done.returncode == 0, done.stderr
    assert "because of" in done.stdout
    assert "%;" in done.stdout.replace("\n", "")


def test_recommend_gives_the_popular_movies_to_a_user_nobody_knows(demo_lake: Demo, reco: Reco) -> None:
    done = reco("recommend", "--user", "99999", LAKEHOUSE_PATH=str(demo_lake[0]))
    assert done.returncode == 0, done.stderr
    assert "has no ratings yet" in done.stdout


def test_similar_shows_titles_and_how_alike_the_movies_are(demo_lake: Demo, reco: Reco) -> None:
    done = reco("similar", "--movie", "1", LAKEHOUSE_PATH=str(demo_lake[0]))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("The ") > 10


def test_similar_says_that_a_movie_without_ratings_is_like_none(demo_lake: Demo, reco: Reco) -> None:
    done = reco("similar", "--movie", "999999", LAKEHOUSE_PATH=str(demo_lake[0]))
    assert done.returncode == 2
    assert "movie 999999 has no ratings" in done.stderr


def test_validate_passes_where_everything_is_there(demo_lake: Demo, reco: Reco) -> None:
    done = reco("validate", LAKEHOUSE_PATH=str(demo_lake[0]))
    assert done.returncode == 0
    assert done.stdout.rstrip().endswith("[SUCCESS] Validation passed!")


def test_validate_fails_and_names_what_is_missing_in_an_empty_lakehouse(reco: Reco) -> None:
    done = reco("validate")
    assert done.returncode == 1
    assert "[MISSING] ratings does not exist" in done.stdout
    assert "[FAILED]" in done.stdout


def test_validate_lists_raw_files_with_sizes_and_does_not_ask_for_tags(reco: Reco, tmp_path: Path) -> None:
    (tmp_path / "ratings.csv").write_text("userId,movieId,rating,timestamp\n")
    (tmp_path / "movies.csv").write_text("movieId,title,genres\n")
    done = reco("validate", RECO_SOURCE="movielens", RECO_SOURCE_PATH=str(tmp_path))
    assert "  [OK] ratings.csv (32 bytes)" in done.stdout
    assert "  [OPTIONAL] tags.csv is not in" in done.stdout


def test_a_bad_setting_is_one_clear_line(reco: Reco) -> None:
    done = reco("etl", ALS_RANK="fifty")
    assert done.returncode == 1
    assert done.stderr.startswith("error: ALS_RANK='fifty' is not allowed")
    assert "Traceback" not in done.stderr


def test_a_missing_source_is_one_clear_line_naming_the_file(reco: Reco, tmp_path: Path) -> None:
    done = reco("etl", RECO_SOURCE="movielens", RECO_SOURCE_PATH=str(tmp_path))
    assert done.returncode == 1
    assert f"{tmp_path}/" in done.stderr
    assert "the file does not exist" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_run_that_is_not_recorded_says_so(reco: Reco, tmp_path: Path) -> None:
    said = "DAGSTER_HOME is not set: this run is recorded nowhere"
    (tmp_path / "home").mkdir()
    assert said in reco("etl").stderr
    assert said not in reco("etl", DAGSTER_HOME=str(tmp_path / "home")).stderr


def test_an_argument_that_is_a_url_is_refused_and_not_taken_for_a_folder(reco: Reco, tmp_path: Path) -> None:
    done = reco("train", "--model-output-path", "s3://bucket/model")
    assert done.returncode == 2
    assert "URLs are not supported" in " ".join(done.stderr.replace("│", " ").split())
    assert not (tmp_path / "s3:").exists()


def test_a_failed_run_leaves_the_tables_and_the_champion_as_they_were(
    demo_lake: Demo, reco: Reco, tmp_path: Path
) -> None:
    lake = Path(shutil.copytree(demo_lake[0], tmp_path / "lake", ignore=shutil.ignore_patterns("_dagster")))
    champion = (lake / "gold/models/als/champion.json").read_text()
    logs = sorted(path.relative_to(lake) for path in lake.glob("*/*/_delta_log/*.json"))
    (tmp_path / "movies.csv").write_text("movieId,title,genres\n1,A (2000),Drama\n")
    (tmp_path / "ratings.csv").write_text("movieId,userId,rating,timestamp\n1,1,3.0,1\n")
    done = reco("demo", "--replace-source", RECO_SOURCE="movielens", RECO_SOURCE_PATH=str(tmp_path))
    assert done.returncode == 1
    assert "ratings.csv, line 1: the header must be userId,movieId,rating,timestamp" in done.stderr
    assert (lake / "gold/models/als/champion.json").read_text() == champion
    assert sorted(p.relative_to(lake) for p in lake.glob("silver/*/_delta_log/*.json")) == [
        log for log in logs if log.parts[0] == "silver"
    ]


def test_the_documented_path_arguments_read_and_write_what_is_given(reco: Reco, tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text(BLOCKS)
    (tmp_path / "test.txt").write_text("1:\n13,4,2006-01-01\n2:\n12,5,2006-01-01\n")
    train, test = tmp_path / "processed" / "train", tmp_path / "processed" / "test"
    done = reco(
        *("etl", "--train-file", str(tmp_path / "train.txt"), "--test-file", str(tmp_path / "test.txt")),
        *("--parquet-train-path", str(train), "--parquet-test-path", str(test)),
    )
    assert done.returncode == 0, done.stderr
    assert '"rows": 5' in done.stdout
    assert '"quarantined": 1' in done.stdout
    model = str(tmp_path / "artifacts" / "version_{timestamp}")
    done = reco("train", "--parquet-train-path", str(train), "--model-output-path", model)
    assert done.returncode == 0, done.stderr
    trained = json.loads(done.stdout)
    assert Path(trained["model_path"]).name == f"version_{trained['version']}"
    done = reco(
        *("evaluate", "--model-path", trained["model_path"], "--test-parquet", str(test)),
        *("--k", "5", "--rating-threshold", "4.5"),
    )
    assert done.returncode == 0, done.stderr
    judged = json.loads(done.stdout)
    assert judged["ranking"]["k"] == 5
    assert judged["ranking"]["threshold"] == 4.5
    assert judged["evaluation"]["test_count"] == 2
    assert not (tmp_path / "lake" / "silver").exists()


def test_futures_turns_a_block_file_into_csv_in_the_order_of_time(reco: Reco, tmp_path: Path) -> None:
    (tmp_path / "future.txt").write_text(BLOCKS)
    output = tmp_path / "processed" / "future.csv"
    done = reco("futures", "--future-file", str(tmp_path / "future.txt"), "--csv-output-path", str(output))
    assert done.returncode == 0, done.stderr
    table = pc.read_csv(output)
    assert table.column_names == ["DATE", "CUST_ID", "MOVIE_ID", "RATING"]
    assert table["CUST_ID"].to_pylist() == [10, 11, 12, 10, 11]


def test_the_main_job_runs_on_parquet_tables(reco: Reco, small: dict[str, str], tmp_path: Path) -> None:
    done = reco("demo", STORAGE_FORMAT="parquet", **small)
    assert done.returncode == 0, done.stderr
    assert not list((tmp_path / "lake").rglob("_delta_log"))
    assert reco("validate", STORAGE_FORMAT="parquet").returncode == 0


def test_a_handful_of_users_get_recommendations_and_the_truth_about_them(reco: Reco) -> None:
    tiny = {"RECO_SOURCE": "synthetic", "SYNTHETIC_USERS": "20", "SYNTHETIC_MOVIES": "30", "SYNTHETIC_RATINGS": "200"}
    done = reco("demo", STORAGE_FORMAT="parquet", **tiny)  # without the drift loop, which takes 20 s
    assert done.returncode == 0, done.stderr
    assert "the test is too small to tell: lists were judged on" in " ".join(
        done.stdout.split()
    )  # wherever it is wrapped
    assert "For user 1" in done.stdout
