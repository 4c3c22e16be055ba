"""Evidently's report: what is compared, how much of it, and what it comes to. It needs the optional group."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import dagster as dg
import numpy as np
import pyarrow as pa
import pytest

from reco_assets.quality.assets import evidently
from reco_assets.quality.evidently import (
    NOT_INSTALLED,
    SAMPLE_ROWS,
    as_result,
    drift_figures,
    report,
    sample,
)
from reco_assets.tables import TRAIN_RATINGS
from resources.tables.lakehouse import Lakehouse

installed = pytest.mark.skipif(find_spec("evidently") is None, reason=NOT_INSTALLED)


def ratings(rows: int, mean: float) -> pa.Table:
    random = np.random.default_rng(1)
    stars = np.clip(np.round(random.normal(mean, 1.0, rows) * 2) / 2, 0.5, 5.0).astype(np.float32)
    seconds = pa.array(random.integers(10**9, 15 * 10**8, rows)).cast(pa.timestamp("s", tz="UTC"))
    return pa.table({"rating": stars, "rating_ts": seconds.cast(pa.timestamp("us", tz="UTC"))})


def training(lakehouse: Lakehouse, rows: int) -> None:
    ids = pa.array(range(rows), pa.int32())
    columns = {"user_id": ids, "movie_id": ids, "origin": pa.array(["history"] * rows)}
    found = ratings(rows, 3.5)
    whole = columns | {name: found[name] for name in found.column_names}
    lakehouse.write(TRAIN_RATINGS, pa.table({name: whole[name] for name in TRAIN_RATINGS.schema.names}))


def test_a_sample_is_bounded_the_same_for_a_seed_and_in_order() -> None:
    rows = pa.table({"rating": pa.array(range(SAMPLE_ROWS + 500))})
    first = sample(rows, seed=1)["rating"].to_pylist()
    assert len(first) == SAMPLE_ROWS
    assert first == sorted(set(first)) == sample(rows, seed=1)["rating"].to_pylist()
    assert first != sample(rows, seed=2)["rating"].to_pylist()


def test_few_rows_are_all_taken() -> None:
    rows = ratings(10, 3.0)
    assert sample(rows, seed=1) is rows


def test_what_is_left_out_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reco_assets.quality.evidently.find_spec", {}.get)
    assert as_result(None) == {"left_out": NOT_INSTALLED}
    monkeypatch.setattr("reco_assets.quality.evidently.find_spec", {"evidently": "there"}.get)
    assert as_result(None) == {"left_out": "There are no training ratings yet."}
    assert as_result({"html": "/a/page.html"}) == {"html": "/a/page.html"}


@pytest.mark.slow
@installed
@pytest.mark.parametrize(("mean", "drifted"), [(3.5, False), (2.0, True)])
def test_ratings_that_shifted_are_found_and_others_are_not(mean: float, drifted: bool) -> None:
    figures = drift_figures(report(ratings(3_000, 3.5), ratings(2_000, mean)))
    assert (figures["rating_drift"] > 0.1) is drifted
    assert (figures["drifted_columns"] > 0) is drifted


@pytest.mark.slow
@installed
def test_without_a_champion_the_page_is_a_summary_and_loads_nothing(make_lakehouse: Callable[..., Lakehouse]) -> None:
    lakehouse = make_lakehouse()
    training(lakehouse, 500)
    made = dg.materialize([evidently], resources={"lakehouse": lakehouse}, instance=dg.DagsterInstance.ephemeral())
    (event,) = made.get_asset_materialization_events()
    values = {name: value.value for name, value in event.materialization.metadata.items()}
    assert (values["current"], values["current_rows"], values["reference_rows"]) == ("silver/train_ratings v0", 500, 0)
    assert "rating_drift" not in values
    page = Path(str(values["html"])).read_text()
    assert 'src="http' not in page
    assert '<link rel="stylesheet" href="http' not in page


@pytest.mark.slow
@installed
def test_without_training_ratings_no_report_is_made(lakehouse: Lakehouse) -> None:
    made = dg.materialize([evidently], resources={"lakehouse": lakehouse}, instance=dg.DagsterInstance.ephemeral())
    assert made.success
    assert made.get_asset_materialization_events() == []
