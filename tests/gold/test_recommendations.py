from datetime import UTC, datetime

import numpy as np

from reco_assets.gold.recommendations import list_rows
from reco_assets.models.interface import TopN

NOW = datetime(2025, 1, 1, 12, tzinfo=UTC)


def test_a_list_becomes_one_row_with_ranks_from_one() -> None:
    lists = TopN(np.array([7]), np.array([[30, 10]], np.int32), np.array([[0.5, 0.25]], np.float32))
    assert list_rows(lists, "user_id", "recommendations", "20250101_120000", NOW).to_pylist() == [
        {
            "user_id": 7,
            "recommendations": [
                {"movie_id": 30, "score": 0.5, "rank": 1},
                {"movie_id": 10, "score": 0.25, "rank": 2},
            ],
            "model_version": "20250101_120000",
            "generated_ts": NOW,
        }
    ]


def test_a_list_that_ends_early_is_shorter_and_an_empty_one_is_empty() -> None:
    movies = np.array([[5, -1], [-1, -1]], np.int32)
    rows = list_rows(TopN(np.array([1, 2]), movies, np.zeros((2, 2), np.float32)), "user_id", "r", "v", NOW)
    assert [[entry["movie_id"] for entry in row["r"]] for row in rows.to_pylist()] == [[5], []]
