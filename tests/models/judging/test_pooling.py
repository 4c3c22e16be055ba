"""Figures of all users from those of blocks of them: judging everyone at once is the oracle."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reco_assets.models.als.config import ModelConfig
from reco_assets.models.als.recommender import AlsRecommender
from reco_assets.models.als.solver import ExplicitAls, ImplicitAls
from reco_assets.models.baselines import fit_baselines
from reco_assets.models.judging.evaluation import ColdStart, Exam, Protocol, Trial
from reco_assets.models.judging.pooling import pooled
from reco_assets.models.ratings import Ratings

USERS, STRANGER, STRANGE_MOVIE = 9, 9, 8  # users and movies from 0; the last of both are in no training rating
TRAIN = Ratings(
    *np.array([(u, m) for u in range(USERS) for m in range(8) if (u + m) % 3], np.int32).T,
    np.array([1 + (u * m) % 9 / 2 for u in range(USERS) for m in range(8) if (u + m) % 3], np.float32),
)
MODEL = AlsRecommender.fit(TRAIN, ModelConfig(ExplicitAls(2, 3, 0.1, 1), ImplicitAls(2, 3, 0.1, 1, 0.75), 3.5))
BASELINES = fit_baselines(TRAIN)

tested = st.lists(
    st.tuples(
        st.integers(0, STRANGER), st.integers(0, STRANGE_MOVIE), st.sampled_from([1.0, 3.5, 4.0, 5.0]), st.booleans()
    ),
    unique_by=lambda row: row[:2],
    min_size=1,
    max_size=30,
)


def trial(rows: list[tuple[int, int, float, bool]], cold_start: ColdStart) -> Trial:
    user, movie, stars, streamed = zip(*rows, strict=True)
    test = Ratings(np.array(user, np.int32), np.array(movie, np.int32), np.array(stars, np.float32))
    return Trial(Exam(test, TRAIN, Protocol(3, 4.0, cold_start, "per_user")), np.array(streamed), BASELINES)


@given(
    tested, st.lists(st.integers(0, 3), min_size=STRANGER + 1, max_size=STRANGER + 1), st.sampled_from(["drop", "nan"])
)
def test_blocks_of_users_come_to_what_all_of_them_come_to_at_once(
    rows: list[tuple[int, int, float, bool]], block_of: list[int], cold_start: ColdStart
) -> None:
    blocks = [[row for row in rows if block_of[row[0]] == block] for block in range(4)]
    found = pooled([trial(block, cold_start).judge(MODEL).sections for block in blocks if block], cold_start)
    expected = trial(rows, cold_start).judge(MODEL).sections
    assert found.keys() == expected.keys()
    assert found["by_origin"].keys() == expected["by_origin"].keys()
    for name in ("evaluation", "ranking"):
        assert found[name] == pytest.approx(expected[name])
    for name, section in expected["by_origin"].items():
        assert found["by_origin"][name] == pytest.approx(section)
    for name, section in expected["baselines"].items():
        assert found["baselines"][name] == pytest.approx(section)
