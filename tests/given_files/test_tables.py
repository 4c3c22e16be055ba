"""Columns of given folders, in memory or where an engine reads them: the same rows, typed as the platform's own."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reco_assets.given_files.tables import columns_of, framed_columns_of
from reco_assets.vocabulary import RATING_COLUMNS
from resources.engine import Engine
from resources.tables.files import LakehouseError

pytestmark = pytest.mark.both_engines


def test_an_engine_reads_the_same_columns_with_the_platforms_types(engine: Engine, tmp_path: Path) -> None:
    wide = {"rating": [4.5, 0.5], "movie_id": [7, 9], "user_id": [1, 2], "note": ["a", "b"]}
    (tmp_path / "train").mkdir()
    pq.write_table(pa.table(wide), tmp_path / "train" / "part-0.parquet")
    framed = framed_columns_of(engine, tmp_path / "train", RATING_COLUMNS).toArrow()
    in_memory = columns_of(tmp_path / "train", RATING_COLUMNS)
    assert [str(field.type) for field in framed.schema] == ["int32", "int32", "float"]
    assert framed.to_pylist() == in_memory.to_pylist()


def test_a_column_that_is_missing_is_named_before_anything_is_read(engine: Engine, tmp_path: Path) -> None:
    pq.write_table(pa.table({"user_id": [1], "rating": [3.0]}), tmp_path / "part-0.parquet")
    with pytest.raises(LakehouseError, match="has no column movie_id"):
        framed_columns_of(engine, tmp_path, RATING_COLUMNS)
