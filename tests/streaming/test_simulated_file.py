"""Simulated files: whole users of the platform's own ratings, tilted as asked, where intake looks for them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pcsv
import pytest

from reco_assets.streaming.landing import landed_files
from reco_assets.streaming.reader import parse_stream_file
from reco_assets.streaming.simulate import Simulation, SimulationError
from reco_assets.streaming.simulated_file import simulate
from reco_assets.tables import SPLIT_RATINGS
from resources.settings import Settings
from resources.tables.lakehouse import Lakehouse

USERS, MOVIES = 40, 25
LAST = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def settings(lakehouse: Lakehouse) -> Settings:
    rng = np.random.default_rng(0)
    count = USERS * MOVIES
    moments = [LAST - timedelta(minutes=number) for number in range(count)]
    table = pa.table(
        {
            "user_id": pa.array(np.repeat(np.arange(1, USERS + 1), MOVIES), pa.int32()),
            "movie_id": pa.array(np.tile(np.arange(1, MOVIES + 1), USERS), pa.int32()),
            "rating": pa.array(rng.integers(1, 11, count) / 2, pa.float32()),
            "rating_ts": pa.array(moments, pa.timestamp("us", tz="UTC")),
            "origin": ["history"] * count,
            "side": ["train"] * count,
            "policy": ["p"] * count,
        }
    )
    lakehouse.write(SPLIT_RATINGS, table)
    return lakehouse.settings


def history(users: int = 10, rows: int | None = None, tilt: float = 0.0, seed: int = 1) -> Simulation:
    return Simulation("history", users, rows, tilt, seed)


def test_a_simulated_file_is_one_that_intake_reads_to_the_last_line(settings: Settings) -> None:
    made = simulate(settings, history(), "current.csv")
    assert [file.name for file in landed_files(settings.storage.landing)] == ["current.csv"]
    parsed = parse_stream_file(Path(made["path"]), Path(made["path"]).stat().st_mtime_ns)
    assert (len(parsed.good), parsed.lines, made["rows"]) == (10 * MOVIES,) * 3


def test_users_come_whole(settings: Settings) -> None:
    made = simulate(settings, history(users=7), "current.csv")
    counts = pcsv.read_csv(made["path"])["CUST_ID"].value_counts().to_pylist()
    assert [count["counts"] for count in counts] == [MOVIES] * 7


def test_rows_limit_how_many_users_come(settings: Settings) -> None:
    assert simulate(settings, history(users=1000, rows=100), "current.csv")["users"] == 4


def test_a_file_of_fewer_users_than_were_asked_for_says_so_and_why(settings: Settings) -> None:
    made = simulate(settings, history(users=60), "current.csv")
    assert made["users"] == USERS
    assert made["note"] == "60 users were asked for, and silver/split_ratings has 40 users in all."


def test_a_file_of_fewer_rows_than_were_asked_for_says_so(settings: Settings) -> None:
    made = simulate(settings, history(users=60, rows=5_000), "current.csv")
    assert "60 users and 5,000 rows were asked for" in made["note"]


@pytest.mark.parametrize("plan", [history(users=7), history(users=1000, rows=100), history(users=USERS)])
def test_a_file_as_it_was_asked_for_has_no_note(settings: Settings, plan: Simulation) -> None:
    assert "note" not in simulate(settings, plan, "current.csv")


def test_a_tilt_moves_the_mean_by_about_that_many_stars(settings: Settings) -> None:
    plain = simulate(settings, history(users=USERS), "plain.csv")
    tilted = simulate(settings, history(users=USERS, tilt=-1.0), "tilted.csv")
    assert tilted["mean"] == pytest.approx(plain["mean"] - 1.0, abs=0.1)


def test_ratings_of_history_are_dated_after_it_so_that_their_keys_are_new(settings: Settings) -> None:
    made = simulate(settings, history(), "current.csv")
    assert min(pcsv.read_csv(made["path"])["DATE"].to_pylist()) > LAST.replace(tzinfo=None)


def test_the_same_seed_gives_the_same_file(settings: Settings) -> None:
    first, second = (Path(simulate(settings, history(seed=5), name)["path"]) for name in ("a.csv", "b.csv"))
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.both_engines
def test_ratings_beyond_the_drivers_memory_give_the_same_file(
    settings: Settings, make_lakehouse: Callable[..., Lakehouse]
) -> None:
    beyond, plan = make_lakehouse(spark_in_memory_rows=0).settings, history(users=20, rows=100, tilt=-0.5)
    first, second = (Path(simulate(one, plan, name)["path"]) for one, name in ((settings, "a.csv"), (beyond, "b.csv")))
    assert first.read_bytes() == second.read_bytes()


def test_a_file_that_still_waits_is_not_overwritten(settings: Settings) -> None:
    simulate(settings, history(), "current.csv")
    with pytest.raises(SimulationError, match=r"current\.csv still waits"):
        simulate(settings, history(seed=2), "current.csv")


@pytest.mark.parametrize("name", ["../x.csv", "_x.csv", "x.txt"])
def test_a_name_that_intake_would_never_take_is_refused(settings: Settings, name: str) -> None:
    with pytest.raises(SimulationError, match="would never be taken in"):
        simulate(settings, history(), name)


def test_a_link_where_the_file_would_lie_is_not_followed(settings: Settings, tmp_path: Path) -> None:
    settings.storage.landing.mkdir(parents=True, exist_ok=True)
    (settings.storage.landing / "current.csv").symlink_to(tmp_path / "elsewhere.csv")
    with pytest.raises(SimulationError, match="still waits to be taken in"):
        simulate(settings, history(), "current.csv")
    assert not (tmp_path / "elsewhere.csv").exists()
