"""A drift report belongs to whoever claims it first."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reco_assets.drift.claims import SENSOR, airflow_claimant, claim
from resources.settings import Settings, load_settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(lakehouse_path=tmp_path / "lake")


def test_the_first_claim_holds_and_may_be_made_again(settings: Settings) -> None:
    assert claim(settings, "r1", SENSOR) == SENSOR
    assert claim(settings, "r1", airflow_claimant("ml_pipeline_dag")) == SENSOR
    assert claim(settings, "r1", SENSOR) == SENSOR


def test_every_report_is_claimed_for_itself(settings: Settings) -> None:
    assert [claim(settings, report, claimant) for report, claimant in (("r1", "one"), ("r2", "other"))] == [
        "one",
        "other",
    ]


def test_of_many_at_once_one_wins_and_all_see_the_same(settings: Settings) -> None:
    names = [f"claimant {number}" for number in range(16)]
    with ThreadPoolExecutor(16) as threads:
        holders = set(threads.map(lambda name: claim(settings, "r1", name), names))
    assert len(holders) == 1
    assert holders <= set(names)
    assert [path.name for path in (settings.storage.root / "drift" / "claims").iterdir()] == ["r1"]


@pytest.mark.parametrize("content", [b"", b"\xff\x00", b"[]\n", None])
def test_a_damaged_claim_is_nobodys_and_is_kept_beside_the_new_one(settings: Settings, content: bytes | None) -> None:
    path = settings.storage.root / "drift" / "claims" / "r1"
    path.parent.mkdir(parents=True)
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    with pytest.warns(UserWarning, match=r"r1 is a damaged claim. It is kept as r1\.damaged"):
        assert claim(settings, "r1", SENSOR) == SENSOR
    assert claim(settings, "r1", "another") == SENSOR
    assert path.with_name("r1.damaged").exists()
