"""The arrays that servers share are opened where they are whole, and made where they are not."""

from pathlib import Path

import pytest

from reco_assets.serving import opening
from tests.serving.conftest import Served


@pytest.mark.parametrize("name", ["model-*/users/ranking_factors.npy", "seen-*/movies.npy"])
@pytest.mark.parametrize("left", [0, 90, 140], ids=["empty", "cut in the header", "cut in the numbers"])
def test_arrays_that_are_damaged_are_made_again(served: Served, tmp_path: Path, name: str, left: int) -> None:
    state = opening.current_state(served.lakehouse)
    assert state is not None
    user = int(served.train.user_id[0])
    before = opening.open_snapshot(served.lakehouse, state, tmp_path).recommended(user, 10)
    (damaged,) = tmp_path.glob(name)
    whole = damaged.read_bytes()
    damaged.unlink()  # those that are mapped stay whole
    damaged.write_bytes(whole[:left])
    assert opening.open_snapshot(served.lakehouse, state, tmp_path).recommended(user, 10) == before
    assert damaged.read_bytes() == whole
