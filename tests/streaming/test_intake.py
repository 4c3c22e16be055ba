"""From a file in the streaming folder to staged rows, quarantined lines and a receipt."""

import bz2
import gzip
import hashlib
import lzma
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from reco_assets.batches.receipts import receipts
from reco_assets.batches.sides import hashed_split
from reco_assets.sources.source import SourceError
from reco_assets.streaming.claims import claimed_files
from reco_assets.streaming.intake import IntakeResult, NoFilesError, hand_in, take_in, take_in_file
from reco_assets.streaming.landing import LandingError
from reco_assets.tables import STREAM_QUARANTINE, STREAM_RATINGS
from resources.settings import load_settings
from resources.tables.files import LakehouseError
from resources.tables.lakehouse import Lakehouse
from resources.tables.writing import schema_of

RATINGS, QUARANTINE = STREAM_RATINGS.name, STREAM_QUARANTINE.name


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def left_in(folder: Path) -> list[str]:
    """All files below the folder, claims and refusals included."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


def test_a_file_becomes_rows_lines_a_receipt_and_a_raw_copy_and_is_deleted(
    lakehouse: Lakehouse, landing: Path, drop: Callable, table_rows: Callable
) -> None:
    path = drop(
        "current.csv", "2005-09-06,7,42,4", "2005-09-06 01:02:03,8,42,3.5", "x,7,42,4", "2005-09-06,7,42,4", "oops"
    )
    content, batch, size = path.read_bytes(), sha256(path), path.stat().st_size
    landed_ns = path.stat().st_mtime_ns

    result = take_in(lakehouse)

    [receipt] = result.received
    assert (receipt.batch, receipt.source, receipt.landed_ns, receipt.size_bytes) == (
        batch,
        "current.csv",
        landed_ns,
        size,
    )
    assert (receipt.lines, receipt.good, receipt.quarantined, receipt.duplicates, receipt.users) == (5, 2, 2, 1, 2)
    assert receipt.train + receipt.test == 2
    assert receipts(lakehouse.root) == [receipt]
    staged = table_rows(RATINGS, "batch", "user_id", "movie_id", "rating", "rating_ts")
    assert staged == [
        (batch, 7, 42, 4.0, datetime(2005, 9, 6, tzinfo=UTC)),
        (batch, 8, 42, 3.5, datetime(2005, 9, 6, 1, 2, 3, tzinfo=UTC)),
    ]
    assert table_rows(QUARANTINE) == [
        (batch, "current.csv", 4, "x,7,42,4", ["invalid_date"]),
        (batch, "current.csv", 6, "oops", ["wrong_field_count"]),
    ]
    assert lakehouse.path("stream", "archive", f"{batch}.csv").read_bytes() == content
    assert left_in(landing) == []


@pytest.mark.both_engines
def test_the_engine_reads_the_staged_tables_with_their_declared_columns(lakehouse: Lakehouse, drop: Callable) -> None:
    drop("a.csv", "2005-09-06,7,42,4", "oops\x00")
    take_in(lakehouse)
    for spec, rows in ((STREAM_RATINGS, 1), (STREAM_QUARANTINE, 1)):
        frame = lakehouse.read(spec.name)
        assert schema_of(frame).simpleString() == spec.schema.simpleString()
        assert len(frame.collect()) == rows
    [row] = lakehouse.read(QUARANTINE).collect()
    assert (row.raw, list(row.reasons)) == ("oops\x00", ["nul_byte"])


def test_the_batches_of_one_intake_share_its_id(lakehouse: Lakehouse, drop: Callable) -> None:
    drop("a.csv", "2005-09-06,7,42,4")
    drop("b.csv", "2005-09-07,7,43,4")
    together = {receipt.intake for receipt in take_in(lakehouse).received}
    drop("c.csv", "2005-09-08,7,44,4")
    [later] = take_in(lakehouse).received
    assert len(together) == 1
    assert later.intake not in together


def test_staged_rows_are_on_their_pairs_side(
    lakehouse: Lakehouse, drop: Callable, table_rows: Callable, history: Callable
) -> None:
    history({(7, 42): "train", (7, 43): "test"})
    drop("a.csv", "2020-09-06,7,42,4", "2020-09-06,7,43,4", "2020-09-07,7,43,4", "2020-09-06,7,44,4")
    take_in(lakehouse)
    unknown = hashed_split(np.array([7], np.int32), np.array([44], np.int32), 0.8)[0]
    assert table_rows(RATINGS, "movie_id", "split") == [(42, "train"), (43, "test"), (43, "test"), (44, unknown)]


def test_the_files_of_a_run_are_staged_in_one_commit_per_table(lakehouse: Lakehouse, drop: Callable) -> None:
    take_in(lakehouse)
    before = lakehouse.version(RATINGS), lakehouse.version(QUARANTINE)
    assert None not in before
    for number in range(20):
        drop(f"{number}.csv", f"2005-09-06,{number},42,4", "oops")
    assert len(take_in(lakehouse).received) == 20
    assert (lakehouse.version(RATINGS), lakehouse.version(QUARANTINE)) == tuple(version + 1 for version in before)


def test_files_too_large_to_be_staged_together_are_staged_one_after_another(
    lakehouse: Lakehouse, drop: Callable, table_rows: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reco_assets.streaming.intake_run.GROUP_BYTES", 100)
    for number in range(5):
        drop(f"{number}.csv", f"2005-09-06,{number},42,4")
    assert len(take_in(lakehouse).received) == 5
    assert [user for (user,) in table_rows(RATINGS, "user_id")] == [0, 1, 2, 3, 4]


def test_files_are_taken_in_the_order_in_which_they_came_up_to_the_limit(
    make_lakehouse: Callable[..., Lakehouse], landing: Path, drop: Callable
) -> None:
    lakehouse = make_lakehouse(intake_max_files=2)
    for day, name in ((3, "c.csv"), (1, "b.csv"), (2, "a.csv")):
        drop(name, f"2005-09-06,{day},42,4", landed=datetime(2026, 1, day, tzinfo=UTC))
    assert [receipt.source for receipt in take_in(lakehouse).received] == ["c.csv", "b.csv"]
    assert left_in(landing) == ["a.csv"]


def test_only_complete_files_are_taken(lakehouse: Lakehouse, landing: Path, drop: Callable) -> None:
    drop("whole.csv", "2005-09-06,7,42,4")
    drop("cut.csv", "2005-09-06,7,42,", end="")
    drop("done.csv", "2005-09-06,8,42,4", end="")
    (landing / "done.csv.done").touch()
    assert sorted(receipt.source for receipt in take_in(lakehouse).received) == ["done.csv", "whole.csv"]
    assert left_in(landing) == ["cut.csv"]
    assert take_in(lakehouse, ["cut.csv"]) == IntakeResult()


def test_without_files_nothing_happens_but_the_tables_are_there(lakehouse: Lakehouse) -> None:
    for _ in range(2):
        assert take_in(lakehouse) == IntakeResult()
        assert (lakehouse.row_count(RATINGS), lakehouse.row_count(QUARANTINE)) == (0, 0)
        assert (lakehouse.version(RATINGS), lakehouse.version(QUARANTINE)) == (0, 0)


def test_only_the_named_files_are_taken(lakehouse: Lakehouse, landing: Path, drop: Callable) -> None:
    for user, name in enumerate(("a[1].csv", "a1.csv", "with spaces \u6620\u753b.csv")):
        drop(name, f"2005-09-06,{user},42,4")
    result = take_in(lakehouse, ["a[1].csv", "with spaces \u6620\u753b.csv", "gone.csv"])
    assert sorted(receipt.source for receipt in result.received) == ["a[1].csv", "with spaces \u6620\u753b.csv"]
    assert left_in(landing) == ["a1.csv"]


@pytest.mark.parametrize("name", ["../x.csv", "_x.csv", "/etc/x.csv"])
def test_a_name_that_can_never_be_taken_stops_the_run_before_it_does_anything(
    lakehouse: Lakehouse, landing: Path, drop: Callable, name: str
) -> None:
    drop("a.csv", "2005-09-06,7,42,4")
    with pytest.raises(LandingError, match="cannot be taken in"):
        take_in(lakehouse, ["a.csv", name])
    assert left_in(landing) == ["a.csv"]
    assert not lakehouse.exists(RATINGS)


@pytest.mark.parametrize(
    "content", [gzip.compress(b"x\n", mtime=0), b"PK\x03\x04 a zip\n", bz2.compress(b"x"), lzma.compress(b"x")]
)
@pytest.mark.parametrize("name", ["g.csv", "g.csv.gz"])
def test_a_compressed_file_is_refused_for_what_it_is(
    lakehouse: Lakehouse, tmp_path: Path, content: bytes, name: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match="the file is compressed"):
        hand_in(lakehouse, tmp_path / name)
    assert (tmp_path / name).read_bytes() == content


# The same content, the same name


def test_the_same_content_under_another_name_is_known_and_deleted(
    lakehouse: Lakehouse, landing: Path, drop: Callable, table_rows: Callable
) -> None:
    drop("a.csv", "2005-09-06,7,42,4", "oops")
    first = take_in(lakehouse)
    drop("b.csv", "2005-09-06,7,42,4", "oops", landed=datetime(2026, 5, 5, tzinfo=UTC))
    again = take_in(lakehouse)
    assert (again.received, again.known) == ((), ("b.csv",))
    assert receipts(lakehouse.root) == list(first.received)
    assert (len(table_rows(RATINGS)), len(table_rows(QUARANTINE)), left_in(landing)) == (1, 1, [])


def test_two_copies_in_one_run_are_one_batch(lakehouse: Lakehouse, landing: Path, drop: Callable) -> None:
    drop("a.csv", "2005-09-06,7,42,4")
    drop("b.csv", "2005-09-06,7,42,4")
    result = take_in(lakehouse)
    assert ([receipt.source for receipt in result.received], result.known) == (["a.csv"], ("b.csv",))
    assert (lakehouse.row_count(RATINGS), left_in(landing)) == (1, [])


def test_a_damaged_archive_copy_of_known_content_is_made_good_before_the_file_goes(
    lakehouse: Lakehouse, drop: Callable
) -> None:
    path = drop("a.csv", "2005-09-06,7,42,4")
    content, archived = path.read_bytes(), lakehouse.path("stream", "archive", f"{sha256(path)}.csv")
    take_in(lakehouse)
    archived.write_bytes(b"damaged")
    drop("a.csv", "2005-09-06,7,42,4")
    take_in(lakehouse)
    assert archived.read_bytes() == content


def test_the_same_name_with_new_content_is_a_new_batch(
    lakehouse: Lakehouse, drop: Callable, table_rows: Callable
) -> None:
    for user in (7, 8):
        drop("current.csv", f"2005-09-06,{user},42,4")
        assert len(take_in(lakehouse).received) == 1
    assert [user for (user,) in table_rows(RATINGS, "user_id")] == [7, 8]
    assert len({batch for (batch,) in table_rows(RATINGS, "batch")}) == 2


def test_the_same_file_taken_in_elsewhere_has_the_same_split(
    make_lakehouse: Callable[..., Lakehouse], tmp_path: Path
) -> None:
    splits = []
    for number in range(2):
        settings = load_settings(lakehouse_path=tmp_path / f"lake{number}", streaming_path=tmp_path / f"in{number}")
        lakehouse = Lakehouse(settings, make_lakehouse().engine)
        lakehouse.settings.storage.landing.mkdir(exist_ok=True)
        lines = "".join(f"2005-09-06,{user},42,4\n" for user in range(200))
        (lakehouse.settings.storage.landing / f"{number}.csv").write_text(f"DATE,CUST_ID,MOVIE_ID,RATING\n{lines}")
        [receipt] = take_in(lakehouse).received
        found = lakehouse.dataset(RATINGS).to_table(columns=["user_id", "split"])
        splits.append(sorted(zip(*(column.to_pylist() for column in found.columns), strict=True)))
        assert (receipt.train, receipt.test) == (
            [side for _, side in splits[-1]].count("train"),
            [side for _, side in splits[-1]].count("test"),
        )
    assert splits[0] == splits[1]


# Refused files


def test_a_file_with_a_wrong_header_is_moved_aside_with_its_error_and_the_others_go_on(
    lakehouse: Lakehouse, landing: Path, drop: Callable
) -> None:
    content = drop("swapped.csv", "2005-09-06,42,7,4", header="DATE,MOVIE_ID,CUST_ID,RATING").read_bytes()
    drop("good.csv", "2005-09-06,7,42,4")
    result = take_in(lakehouse)
    refused = landing / "_refused" / "swapped.csv"
    [refusal] = result.refused
    assert [receipt.source for receipt in result.received] == ["good.csv"]
    assert (refusal.name, refused.read_bytes()) == ("swapped.csv", content)
    assert refusal.error.startswith(f"{refused}, line 1: the header must be DATE,CUST_ID,MOVIE_ID,RATING, found ")
    assert refusal.error.endswith("Reorder the columns.")
    assert refused.with_name("swapped.csv.error.txt").read_text() == f"{refusal.error}\n"
    assert left_in(landing) == ["_refused/swapped.csv", "_refused/swapped.csv.error.txt"]
    assert [path.stem for path in lakehouse.path("stream", "archive").iterdir()] == [
        receipt.batch for receipt in result.received
    ]


def test_a_refused_file_that_is_corrected_and_put_back_is_taken(
    lakehouse: Lakehouse, landing: Path, drop: Callable
) -> None:
    drop("a.csv", "2005-09-06,7,42,4", header="DATE,USER,MOVIE,RATING")
    take_in(lakehouse)
    refused = landing / "_refused" / "a.csv"
    refused.write_text(refused.read_text().replace("DATE,USER,MOVIE,RATING", "DATE,CUST_ID,MOVIE_ID,RATING"))
    refused.rename(landing / "a.csv")
    assert len(take_in(lakehouse).received) == 1


# One file that someone names


def test_one_file_of_the_streaming_folder_may_be_named_by_its_path_whatever_it_is_called(
    lakehouse: Lakehouse, landing: Path, drop: Callable
) -> None:
    path = drop("ratings.txt", "2005-09-06,7,42,4", end="")
    drop("other.csv", "2005-09-06,8,42,4")
    assert [receipt.source for receipt in take_in_file(lakehouse, path).received] == ["ratings.txt"]
    assert left_in(landing) == ["other.csv"]


@pytest.mark.parametrize(
    "path", ["{outside}/a.csv", "{landing}/../../a.csv", "{landing}/_claimed/a.csv", "{landing}/.a.csv", "../a.csv"]
)
def test_a_path_that_leads_out_of_the_streaming_folder_is_refused_before_anything_is_done(
    lakehouse: Lakehouse, landing: Path, drop: Callable, tmp_path: Path, path: str
) -> None:
    private = drop("a.csv", "2005-09-06,7,42,4").rename(tmp_path / "a.csv")
    with pytest.raises(LandingError, match="does not lie in the streaming folder"):
        take_in_file(lakehouse, Path(path.format(landing=landing, outside=tmp_path)))
    assert (private.exists(), lakehouse.exists(RATINGS)) == (True, False)


def test_a_named_file_with_a_wrong_header_is_an_error_and_stays(
    lakehouse: Lakehouse, landing: Path, drop: Callable
) -> None:
    path = drop("swapped.csv", "2005-09-06,42,7,4", header="DATE,MOVIE_ID,CUST_ID,RATING")
    with pytest.raises(SourceError, match=r"swapped\.csv, line 1: the header must be"):
        take_in_file(lakehouse, path)
    assert left_in(landing) == ["swapped.csv"]


def test_a_path_without_a_file_is_a_clear_error(lakehouse: Lakehouse, landing: Path) -> None:
    with pytest.raises(NoFilesError, match=r"none\.csv does not exist. Put a file DATE,CUST_ID,MOVIE_ID,RATING there"):
        take_in_file(lakehouse, landing / "none.csv")


def test_a_folder_or_link_given_as_the_file_is_a_clear_error(
    lakehouse: Lakehouse, landing: Path, drop: Callable, tmp_path: Path
) -> None:
    (landing / "link.csv").symlink_to(drop("a.csv", "2005-09-06,7,42,4"))
    (landing / "folder.csv").mkdir()
    for name, why in (("folder.csv", "not a regular file"), ("link.csv", "symbolic link")):
        with pytest.raises(LandingError, match=why):
            take_in_file(lakehouse, landing / name)


def test_a_file_from_elsewhere_is_handed_in_as_a_copy_and_stays(
    lakehouse: Lakehouse, landing: Path, drop: Callable, tmp_path: Path
) -> None:
    elsewhere = drop("a.csv", "2005-09-06,7,42,4", end="").rename(tmp_path / "_ratings.txt")
    hand_in(lakehouse, elsewhere)
    [receipt] = take_in(lakehouse).received
    assert (receipt.source, receipt.good, elsewhere.exists(), left_in(landing)) == ("_ratings.txt", 1, True, [])


def test_a_file_from_elsewhere_goes_where_that_is_asked_for(
    lakehouse: Lakehouse, drop: Callable, tmp_path: Path
) -> None:
    elsewhere = drop("a.csv", "2005-09-06,7,42,4").rename(tmp_path / "a.csv")
    hand_in(lakehouse, elsewhere, move=True)
    assert (len(take_in(lakehouse).received), elsewhere.exists()) == (1, False)


def test_a_file_from_elsewhere_is_validated_before_it_is_touched(
    lakehouse: Lakehouse, landing: Path, drop: Callable, tmp_path: Path
) -> None:
    wrong = drop("a.csv", "1,2", header="A,B").rename(tmp_path / "a.csv")
    with pytest.raises(SourceError, match="the header must be"):
        hand_in(lakehouse, wrong, move=True)
    assert (wrong.read_text(), left_in(landing)) == ("A,B\n1,2\n", [])


def test_parquet_storage_is_refused_before_a_file_is_touched(
    make_lakehouse: Callable[..., Lakehouse], landing: Path, drop: Callable
) -> None:
    drop("a.csv", "2005-09-06,7,42,4")
    with pytest.raises(LakehouseError, match="Streaming intake needs STORAGE_FORMAT=delta"):
        take_in(make_lakehouse(storage_format="parquet"))
    assert left_in(landing) == ["a.csv"]


def test_a_claimed_link_is_refused_and_never_followed(
    lakehouse: Lakehouse, landing: Path, drop: Callable, tmp_path: Path
) -> None:
    target = drop("a.csv", "2005-09-06,7,42,4").rename(tmp_path / "target.csv")
    claim = landing / "_claimed" / "someone"
    claim.mkdir(parents=True)
    (claim / "link.csv").symlink_to(target)
    [refusal] = take_in(lakehouse).refused
    assert "link.csv is a symbolic link" in refusal.error
    assert os.path.lexists(landing / "_refused" / "link.csv")
    assert (target.exists(), claimed_files(landing), lakehouse.row_count(RATINGS)) == (True, [], 0)
