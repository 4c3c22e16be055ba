"""The table of what versions came to in slices: a judgement's rows replace those of the same judgement alone."""

from typing import Any

import pytest

from reco_assets.measured_tables import MODEL_METRICS
from reco_assets.models.judging.metrics_table import write_metrics
from reco_assets.models.judging.run import judged_in_slices, metrics_folder
from reco_assets.tables import TEST_RATINGS
from resources.files import write_json
from resources.tables.lakehouse import Lakehouse


def judgement(version: str, test_version: int | None, ndcg: float) -> dict[str, Any]:
    figures = {"model": "candidate", "slice": "all", "value": "all", "test_count": 3, "ndcg": ndcg, "novelty": None}
    return {
        "model_version": version,
        "execution_ts": "2026-01-02T03:04:05Z",
        "inputs": {TEST_RATINGS.name: test_version},
        "slices": {"figures": [figures]},
    }


@pytest.mark.parametrize("test_version", [4, None], ids=["Delta", "parquet, which has no versions"])
def test_a_version_that_is_judged_again_on_the_same_ratings_has_one_judgement(
    lakehouse: Lakehouse, test_version: int | None
) -> None:
    write_metrics(lakehouse, [judgement("a", test_version, 0.1), judgement("b", test_version, 0.2)])
    write_metrics(lakehouse, [judgement("a", 5, 0.3)])
    write_metrics(lakehouse, [judgement("a", test_version, 0.4)])
    rows = lakehouse.dataset(MODEL_METRICS.name).to_table().to_pylist()
    found = {(row["judged_version"], row["test_version"], row["ndcg"]) for row in rows}
    assert found == {("a", test_version, 0.4), ("b", test_version, 0.2), ("a", 5, 0.3)}


def test_the_table_can_be_made_anew_of_the_run_metrics(lakehouse: Lakehouse) -> None:
    documents = [judgement("a", 4, 0.1), judgement("b", 4, 0.2), {"model_version": "of before there were slices"}]
    for at, document in enumerate(documents):
        write_json(metrics_folder(lakehouse.settings) / f"run_metrics_{at}.json", document)
    assert list(judged_in_slices(lakehouse.settings)) == documents[:2]
    write_metrics(lakehouse, judged_in_slices(lakehouse.settings))
    assert lakehouse.row_count(MODEL_METRICS.name) == 2
