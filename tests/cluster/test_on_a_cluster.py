"""The platform on a cluster: workers are other processes, which have the lakehouse's path and the programs, no more."""

import shlex
import sys
from collections.abc import Callable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from resources.tables.files import dataset_at, table_row_count
from tools.cluster import Cluster, Ports, alive_workers, up
from tools.processes import StartError, process_of

pytestmark = [pytest.mark.slow, pytest.mark.spark_environment]

Loop = tuple[Path, dict[str, Any]]
RATINGS, USERS = 8_000, 120
SIDES = ("train", "test", "future")


@pytest.fixture(scope="module")
def standalone(run_loop: Callable[..., Loop]) -> Loop:
    return run_loop("SPARK_MASTER", "retrain")


@pytest.fixture(scope="module")
def connected(run_loop: Callable[..., Loop]) -> Loop:
    """All ratings and those of training go through frames, for which Spark Connect has the fewest ways."""
    return run_loop("SPARK_REMOTE", SPARK_IN_MEMORY_ROWS="5000")


@pytest.fixture(params=["standalone", "connected"])
def either(request: pytest.FixtureRequest) -> Loop:
    found: Loop = request.getfixturevalue(request.param)
    return found


def test_a_cluster_that_runs_is_left_as_it_is(cluster: Cluster) -> None:
    parts = sorted(file.parent for file in cluster.home.glob("*/pid"))
    before = [process_of(part) for part in parts]
    assert [part.name for part in parts] == ["connect", "master", "worker-1", "worker-2"]
    assert up(cluster) == cluster.addresses
    assert [process_of(part) for part in parts] == before


def test_a_cluster_that_runs_is_refused_to_who_asks_for_another(cluster: Cluster) -> None:
    with pytest.raises(
        StartError, match=r"runs with --workers 2 --cores 1 --memory-mb 1024\. Ask for the same, or end"
    ):
        up(replace(cluster, connect=False))


def test_a_cluster_is_not_started_on_the_ports_of_another(cluster: Cluster, tmp_path: Path) -> None:
    with pytest.raises(StartError, match=f"Another program listens on port {cluster.ports.master} "):
        up(replace(cluster, home=tmp_path))
    assert not list(tmp_path.glob("*/pid"))


def test_a_master_whose_page_is_still_empty_is_waited_for() -> None:
    class Empty(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

    with HTTPServer(("127.0.0.1", 0), Empty) as page:
        Thread(target=page.handle_request, daemon=True).start()
        assert alive_workers(Ports(master_ui=page.server_port)) == -1


def test_workers_share_neither_folder_nor_home_nor_settings_with_the_driver(either: Loop, cluster: Cluster) -> None:
    _, found = either
    workers = found["workers"]
    homes = {str(cluster.home / f"worker-{number}" / "home") for number in (1, 2)}
    assert {row["HOME"] for row in workers} <= homes
    assert all(Path(row["folder"]).is_relative_to(Path(row["HOME"]).parent / "work") for row in workers)
    assert {(row["LAKEHOUSE_PATH"], row["RECO_SOURCE"]) for row in workers} == {("", "")}


def test_the_main_job_keeps_every_rating_and_serves_every_user(either: Loop) -> None:
    lake, found = either
    assert sum(table_row_count(lake / "silver" / f"{side}_ratings", version=0) for side in SIDES) == RATINGS
    assert found["first"]
    lists = dataset_at(lake / "gold" / "recommendations_als").to_table().to_pylist()
    assert len(lists) == USERS
    rated = dataset_at(lake / "silver" / "ratings").to_table(columns=["user_id", "movie_id"]).to_pylist()
    seen = {(row["user_id"], row["movie_id"]) for row in rated}
    assert not seen & {(row["user_id"], entry["movie_id"]) for row in lists for entry in row["recommendations"]}


def test_a_shifted_file_calls_for_retraining(either: Loop) -> None:
    _, found = either
    assert found["loop"]["drift/report"]["should_retrain"] is True


def test_the_loop_merges_what_waits_and_judges_a_second_model(standalone: Loop) -> None:
    lake, found = standalone
    decided = found["loop"]["models/als_champion"]
    assert decided["candidate"] != found["first"]
    assert table_row_count(lake / "silver" / "train_ratings") > table_row_count(lake / "silver" / "train_ratings", 0)


def test_both_ways_to_a_cluster_make_the_same_split(standalone: Loop, connected: Loop) -> None:
    def sides(loop: Loop) -> set[tuple[int, int, str]]:
        rows = dataset_at(loop[0] / "silver" / "split_ratings", version=0).to_table().to_pylist()
        return {(row["user_id"], row["movie_id"], row["side"]) for row in rows}

    assert sides(standalone) == sides(connected)


def test_what_a_run_made_says_where_spark_shows_its_jobs(either: Loop) -> None:
    _, found = either
    assert found["pages"].startswith("http://127.0.0.1:")
    assert found["shown"] == found["pages"]


def test_a_documented_command_can_be_submitted(run_with: Callable[..., Any], tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    printed = run_with("SPARK_MASTER", lake, [sys.executable, "tools/run_pipeline.py", "etl", "--local"]).stdout
    variable, *command = shlex.split(printed)
    name, value = variable.split("=", 1)
    run_with("SPARK_MASTER", lake, command, **{name: value})
    assert sum(table_row_count(lake / "silver" / f"{side}_ratings") for side in SIDES) == RATINGS
