"""A version's arrays, written once and mapped, answer as the version that is loaded; whoever wrote its files."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reco_assets.models.als import mapped as module
from reco_assets.models.als.mapped import load_mapped, write_mapped
from reco_assets.models.als.recommender import USERS_FILE, AlsRecommender
from reco_assets.models.ratings import Ratings


def in_parts_as_spark_writes_them(version: Path) -> None:
    """Factors as lists of any length, users in two files, the later ones first."""
    users = pq.read_table(version / USERS_FILE)
    (version / USERS_FILE).unlink()
    (version / USERS_FILE).mkdir()
    for name in ("rating_factors", "ranking_factors"):
        column = users[name].combine_chunks().cast(pa.list_(pa.float32()))
        users = users.set_column(users.column_names.index(name), name, column)
    pq.write_table(users.slice(5), version / USERS_FILE / "part-0.parquet")
    pq.write_table(users.slice(0, 5), version / USERS_FILE / "part-1.parquet")


@pytest.mark.parametrize("rewrite", [lambda _: None, in_parts_as_spark_writes_them], ids=["a file", "parts"])
def test_a_mapped_model_answers_exactly_as_the_saved_one(
    tiny_model: AlsRecommender, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rewrite: Callable[[Path], None]
) -> None:
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 3)
    tiny_model.save(tmp_path)
    rewrite(tmp_path)
    write_mapped(tmp_path, tmp_path / "arrays")
    model = load_mapped(tmp_path / "arrays", tiny_model.config, tiny_model.biases.mean)
    users, movies = np.append(tiny_model.user_ids, np.int32(99)), tiny_model.movie_ids
    rated = Ratings(np.full(3, 99, np.int32), movies[:3], np.array([5, 4, 1], np.float32))
    for one, other in ((model, tiny_model), (model.fold_in(rated), tiny_model.fold_in(rated))):
        np.testing.assert_array_equal(one.recommend(users, 5).movie_id, other.recommend(users, 5).movie_id)
        np.testing.assert_array_equal(
            one.predict(users, np.resize(movies, len(users))), other.predict(users, np.resize(movies, len(users)))
        )
    np.testing.assert_array_equal(model.similar_items(movies, 3).score, tiny_model.similar_items(movies, 3).score)


def test_what_is_mapped_lies_in_the_files_and_cannot_be_written(tiny_model: AlsRecommender, tmp_path: Path) -> None:
    tiny_model.save(tmp_path)
    write_mapped(tmp_path, tmp_path / "arrays")
    model = load_mapped(tmp_path / "arrays", tiny_model.config, tiny_model.biases.mean)
    assert not model.ranking_users.flags.owndata
    with pytest.raises(ValueError, match="read-only"):
        model.ranking_users[0] = 0
