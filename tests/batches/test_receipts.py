"""Receipts: what was taken in, in which order."""

from dataclasses import replace
from pathlib import Path

import pytest

from reco_assets.batches.receipt_files import Receipt
from reco_assets.batches.receipts import ReceiptError, read_receipt, receipts, received_batches, write_receipts

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
    assert ONE.batch not in received_batches(tmp_path)
    write_receipts(tmp_path, [ONE])
    assert ONE.batch in received_batches(tmp_path)
    assert read_receipt(tmp_path, ONE.batch) == ONE


def test_receipts_come_in_the_order_of_intake_whatever_the_times_of_their_files(tmp_path: Path) -> None:
    late, old = replace(ONE, batch="a" * 64, landed_ns=3_000), replace(ONE, batch="c" * 64, landed_ns=0)
    for receipt in (late, ONE, old):
        write_receipts(tmp_path, [receipt])
    assert receipts(tmp_path) == [late, ONE, old]
    assert receipts(tmp_path, {late.batch, old.batch}) == [late, old]
    assert received_batches(tmp_path) == {ONE.batch, old.batch, late.batch}


def test_before_the_first_file_there_are_no_receipts(tmp_path: Path) -> None:
    assert (receipts(tmp_path), received_batches(tmp_path)) == ([], set())


def test_a_missing_receipt_is_named(tmp_path: Path) -> None:
    with pytest.raises(ReceiptError, match=r"no receipt of batch b+: it was never taken in"):
        read_receipt(tmp_path, ONE.batch)
