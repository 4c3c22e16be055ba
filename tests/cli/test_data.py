"""`reco data fetch` says when the next run would read something else than the release."""

from pathlib import Path

import pytest

from reco_assets.cli.main import main
from reco_assets.sources.remembered import Remembered, remember


@pytest.mark.parametrize("held", ["nothing", "synthetic", "the release"])
def test_a_release_that_the_next_run_does_not_read_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], held: str
) -> None:
    release = tmp_path / "bronze" / "movielens" / "ml-latest-small"
    release.mkdir(parents=True)
    for name in ("ratings.csv", "movies.csv"):
        (release / name).touch()  # it is there: nothing is downloaded
    if held != "nothing":
        folder = "bronze/movielens/ml-latest-small" if held == "the release" else None
        remember(tmp_path, Remembered(kind="movielens" if folder else "synthetic", folder=folder))
    monkeypatch.setenv("LAKEHOUSE_PATH", str(tmp_path))
    with pytest.raises(SystemExit):
        main(["data", "fetch", "ml-latest-small"])
    said = capsys.readouterr()
    assert said.out == f"{release}\n"
    advice = "The next run reads synthetic data. To load this release instead: reco etl --replace-source"
    assert (advice in said.err) is (held == "synthetic")
