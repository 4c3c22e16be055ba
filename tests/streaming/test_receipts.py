"""Receipts: what was taken in, in which order."""

from dataclasses import replace
from pathlib import Path

import pytest

from reco_assets.streaming.receipts import (
    FOLDER,
    Receipt,
    ReceiptError,
    has_receipt,
    read_receipt,
    receipts,
    received_batches,
    write_receipt,
)

ONE = Receipt(
    batch="b" * 64,
    source="a\u00e9 [1].csv",
    landed_ns=2_000,
    size_bytes=70,
    lines=4,
    good=2,
    quarantined=1,
    duplicates=1,
    train=1,
    test=1,
    users=2,
)


def test_a_receipt_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    assert not has_receipt(tmp_path, ONE.batch)
    write_receipt(tmp_path, ONE)
    assert has_receipt(tmp_path, ONE.batch)
    assert read_receipt(tmp_path, ONE.batch) == ONE


def test_receipts_come_in_the_order_of_landing_then_of_batch(tmp_path: Path) -> None:
    late, tied = replace(ONE, batch="a" * 64, landed_ns=3_000), replace(ONE, batch="c" * 64)
    for receipt in (late, tied, ONE):
        write_receipt(tmp_path, receipt)
    assert receipts(tmp_path) == [ONE, tied, late]
    assert receipts(tmp_path, {late.batch, tied.batch}) == [tied, late]
    assert received_batches(tmp_path) == {ONE.batch, tied.batch, late.batch}


def test_before_the_first_file_there_are_no_receipts(tmp_path: Path) -> None:
    assert (receipts(tmp_path), received_batches(tmp_path)) == ([], set())


def test_a_missing_receipt_is_named(tmp_path: Path) -> None:
    with pytest.raises(ReceiptError, match=r"no receipt .*bbbb\.json: that batch was never taken in"):
        read_receipt(tmp_path, ONE.batch)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"batch": 1, "more": 2}'])
def test_a_damaged_receipt_is_named(tmp_path: Path, text: str) -> None:
    write_receipt(tmp_path, ONE)
    (tmp_path / FOLDER / f"{ONE.batch}.json").write_text(text)
    with pytest.raises(ReceiptError, match=r"bbbb\.json is not a receipt .*; restore it from a backup"):
        receipts(tmp_path)


def test_a_half_written_receipt_is_not_one(tmp_path: Path) -> None:
    write_receipt(tmp_path, ONE)
    (tmp_path / FOLDER / f".{'d' * 64}.json.0123").write_text("{")
    (tmp_path / FOLDER / f".{'d' * 64}.json").write_text("{")
    assert receipts(tmp_path) == [ONE]
