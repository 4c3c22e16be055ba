"""A raw table says how its lines were written; one of text, of an earlier release, is refused by each reader."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from reco_assets.quality.etl_report import count_rows
from reco_assets.silver.rating_events import TakenEvents
from reco_assets.silver.raw_rows import movies_cleaned, ratings_cleaned, tags_cleaned
from reco_assets.sources.layout import RawForm
from reco_assets.sources.movielens import LAYOUT
from reco_assets.sources.raw_forms import OldRawTableError, raw_schema
from reco_assets.sources.raw_tables import raw_dataset, raw_frame
from reco_assets.split.history import AS_DELIVERED, split_history
from reco_assets.tables import BRONZE_RATINGS, QUARANTINE_RATINGS, SILVER_RATINGS
from resources.tables.files import TableSpec
from resources.tables.lakehouse import Lakehouse
from resources.tables.writing import schema_of

NOW = datetime(2026, 1, 2, tzinfo=UTC)
BARE = RawForm(LAYOUT.ratings.fields, whole_stars="")
READERS: list[Callable[[Lakehouse], Any]] = [
    lambda lake: ratings_cleaned(lake, TakenEvents(), NOW),
    lambda lake: movies_cleaned(lake, NOW),
    lambda lake: tags_cleaned(lake, NOW),
    lambda lake: count_rows(lake, "ratings"),
    lambda lake: split_history(lake, AS_DELIVERED),
]


@pytest.fixture
def old(lakehouse: Lakehouse) -> Lakehouse:
    """A lakehouse whose raw tables hold text, as those of earlier releases."""
    for name, columns in zip(("ratings", "movies", "tags"), LAYOUT, strict=True):
        text = pa.table({**{key: ["1"] for key in columns.names}, "_line": [2], "_source_file": ["train.txt"]})
        lakehouse.write(TableSpec(f"bronze/{name}", schema_of(text)), text)
    for spec in (SILVER_RATINGS, QUARANTINE_RATINGS):
        lakehouse.write(spec, lakehouse.engine.session.createDataFrame([], spec.schema))
    return lakehouse


@pytest.mark.parametrize("read", READERS, ids=["ratings", "movies", "tags", "report", "split"])
def test_a_raw_table_of_text_is_refused_with_what_to_do(old: Lakehouse, read: Callable[[Lakehouse], Any]) -> None:
    with pytest.raises(OldRawTableError, match=r"^bronze/\w+ holds text, .*\. Read the source again: reco etl$"):
        read(old)


def test_loading_the_source_again_replaces_a_table_of_text(old: Lakehouse) -> None:
    old.write(BRONZE_RATINGS, raw_schema(BARE).empty_table())
    assert raw_dataset(old, BRONZE_RATINGS.name)[1] == BARE


def test_how_lines_are_written_stays_with_a_table_when_its_old_commits_go(lakehouse: Lakehouse) -> None:
    for form in (RawForm(LAYOUT.ratings.fields), BARE):
        lakehouse.write(BRONZE_RATINGS, raw_schema(form).empty_table())
    log = lakehouse.path(BRONZE_RATINGS.name, "_delta_log")
    table = lakehouse.delta_table(BRONZE_RATINGS.name)
    assert table is not None
    table.create_checkpoint()
    for commit in log.glob("*.json"):
        commit.unlink()
    dataset, form = raw_dataset(lakehouse, BRONZE_RATINGS.name)
    frame, also = raw_frame(lakehouse, BRONZE_RATINGS.name)
    assert form == also == BARE
    assert dataset.count_rows() == frame.count()


@pytest.mark.parametrize("storage_format", ["delta", "parquet"])
@pytest.mark.parametrize("rows", [0, 1])
def test_how_lines_are_written_is_known_of_tables_of_both_formats_and_without_rows(
    storage_format: str, rows: int, make_lakehouse: Callable[..., Lakehouse]
) -> None:
    lake = make_lakehouse(storage_format=storage_format)
    lake.write(BRONZE_RATINGS, pa.Table.from_pylist([{"_line": 2}] * rows, raw_schema(BARE)))
    assert raw_dataset(lake, BRONZE_RATINGS.name)[1] == BARE
