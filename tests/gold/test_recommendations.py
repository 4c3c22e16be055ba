from datetime import UTC, datetime

import numpy as np

from reco_assets.gold.recommendations import list_rows
from reco_assets.models.interface import TopN
from reco_assets.tables import RECOMMENDATIONS_ALS
from resources.io_managers import table_metadata
from resources.tables.lakehouse import Lakehouse

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


def test_the_column_of_the_lists_says_what_a_score_is(lakehouse: Lakehouse) -> None:
    users = np.array([1], np.int32)
    lists = TopN(users, np.array([[10]], np.int32), np.array([[0.5]], np.float32))
    rows = list_rows(lists, "user_id", "recommendations", "20250101_120000", NOW)
    lakehouse.write(RECOMMENDATIONS_ALS, rows)
    described = table_metadata(lakehouse, RECOMMENDATIONS_ALS)["dagster/column_schema"]
    (column,) = [column for column in described.columns if column.name == "recommendations"]
    assert "score is no number of stars" in column.description
