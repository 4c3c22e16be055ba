"""`reco stream replay` before it starts a run."""

import pytest
from typer.testing import CliRunner

from reco_assets.cli.stream import app


@pytest.mark.parametrize("batch", ["", "  "])
def test_replay_without_a_batch_is_refused_before_a_run_starts(batch: str) -> None:
    done = CliRunner().invoke(app, ["replay", batch])
    assert done.exit_code == 2
    assert "name a batch" in done.output
