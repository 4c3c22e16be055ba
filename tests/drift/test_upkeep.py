"""What is due after a drift report: old reports go."""

import json
import os
from collections.abc import Callable

import pytest

from reco_assets.batches.accepted import accept_waiting
from reco_assets.batches.receipt_files import Receipt
from reco_assets.batches.receipts import write_receipts
from reco_assets.drift.reports import reports_folder
from reco_assets.drift.upkeep import STEP, after_report, sweep_reports
from resources.tables.lakehouse import Lakehouse

KEPT = 10


@pytest.fixture
def lake(make_lakehouse: Callable[..., Lakehouse]) -> Lakehouse:
    """A lakehouse with more reports than it keeps, the first with the lowest number."""
    lakehouse = make_lakehouse(drift_reports_kept=KEPT)
    folder = reports_folder(lakehouse.settings)
    folder.mkdir(parents=True)
    for number in range(KEPT + STEP):
        for suffix in (".json", ".html"):
            path = folder / f"r{number:03}{suffix}"
            path.write_text(json.dumps({"report_id": path.stem}))
            os.utime(path, (number, number))
    return lakehouse


def left(lakehouse: Lakehouse, suffix: str) -> set[str]:
    return {path.stem for path in reports_folder(lakehouse.settings).glob(f"*{suffix}")}


def test_the_newest_reports_stay_and_those_that_batches_were_accepted_on(lake: Lakehouse) -> None:
    write_receipts(lake.root, [Receipt("a" * 64, "a.csv", 1, 10, 1, 1, 0, 0, 1, 0, 1)])
    accept_waiting(lake, "r005")
    assert sweep_reports(lake.settings) == STEP - 1
    kept = {f"r{number:03}" for number in (5, *range(STEP, KEPT + STEP))}
    assert (left(lake, ".json"), left(lake, ".html")) == (kept, kept)


def test_reports_in_a_folder_that_is_a_link_are_left_and_a_warning_says_so(lake: Lakehouse) -> None:
    folder = reports_folder(lake.settings)
    elsewhere = folder.with_name("elsewhere")
    folder.rename(elsewhere)
    folder.symlink_to(elsewhere)
    with pytest.warns(UserWarning, match="Removing old drift reports was left for the next report: .*symbolic link"):
        after_report(lake.settings)
    assert len(left(lake, ".json")) == KEPT + STEP
