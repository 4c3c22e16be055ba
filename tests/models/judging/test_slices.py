"""What versions come to in slices of the test ratings, and where one is worse beyond noise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from reco_assets.models.baselines import fit_baselines
from reco_assets.models.interface import TopN
from reco_assets.models.judging.evaluation import Answers, Exam, Protocol, Trial
from reco_assets.models.judging.slice_document import holm, slices_section, slices_told, worse_slices
from reco_assets.models.judging.slices import judge_in_slices, tally
from reco_assets.models.judging.slicing import Slicing
from reco_assets.models.judging.tally import DIFFERENCE, FIGURES, Tally
from reco_assets.models.ratings import Ratings

PROTOCOL = Protocol(2, 4.0, "drop", "per_user")
OWN = {"ndcg": "candidate", "rmse_all": "candidate"}


def ratings(*rows: tuple[int, int, float]) -> Ratings:
    user, movie, stars = zip(*rows, strict=True)
    return Ratings(np.array(user, np.int32), np.array(movie, np.int32), np.array(stars, np.float32))


def slicing(genres: dict[int, list[str]] | None = None) -> Slicing:
    """Ten users of 1 to 10 ratings; movie 1 has half of 24 ratings, and 11 are of movie 2."""
    activity = np.arange(1, 11), np.ones(10, np.int64)
    return Slicing.of(activity, (np.array([1, 2, 3]), np.array([12, 11, 1])), genres or {})


def answers(said: list[float], lists: TopN) -> Answers:
    return Answers(np.ones(len(said), bool), np.array(said, np.float32), lists)


def test_users_are_sliced_by_how_much_they_rated() -> None:
    found = slicing().of_users(np.array([0, 1, 2, 10, 11]))
    assert {where: keep.tolist().index(True) for where, keep in found.items() if keep.sum() == 1} == {
        ("activity decile", "1"): 1,
        ("activity decile", "2"): 2,
        ("user", "cold"): 0,
        ("user", "old"): 4,
    }
    assert found["activity decile", "10"].tolist() == [False, False, False, True, True]


def test_movies_are_sliced_by_popularity_ratings_and_genre() -> None:
    of = slicing({1: ["Comedy"], 9: ["Comedy", "Drama"]})
    found = {where: keep.tolist() for where, keep in of.of_movies(of.rows(np.array([1, 2, 3, 9, 77]))).items()}
    assert found == {
        ("popularity", "head"): [True, False, False, False, False],
        ("popularity", "tail"): [False, True, True, False, False],
        ("movie", "cold"): [False, False, False, True, True],
        ("movie", "new"): [False, False, True, False, False],
        ("movie", "old"): [True, True, False, False, False],
        ("genre", "Comedy"): [True, False, False, True, False],
        ("genre", "Drama"): [False, False, False, True, False],
    }


def test_lists_have_coverage_novelty_distance_and_popularity_share() -> None:
    of = slicing({1: ["Comedy"], 2: ["Drama"], 3: ["Comedy"]})
    exam = Exam(ratings((1, 1, 5.0), (2, 3, 5.0)), ratings((1, 9, 3.0)), PROTOCOL)
    lists = TopN(np.array([1, 2]), np.array([[1, 2], [1, -1]]), np.ones((2, 2), np.float32))
    found = tally(exam, of, {"candidate": answers([5.0, 4.0], lists)})
    section = slices_section(found, of, OWN, "baseline")
    (everything,) = [row for row in section["figures"] if row["slice"] == "all"]
    assert (everything["ndcg"], everything["hit_rate"], everything["rmse_all"]) == (0.5, 0.5, pytest.approx(0.5**0.5))
    assert everything["catalogue_coverage"] == pytest.approx(2 / 3)
    assert everything["novelty"] == pytest.approx(-(2 * np.log2(12 / 24) + np.log2(11 / 24)) / 3)
    assert (everything["intra_list_distance"], everything["popularity_share"]) == (1.0, pytest.approx(2 / 3))
    (comedy,) = [row for row in section["figures"] if row["value"] == "Comedy"]
    assert (comedy["share_of_lists"], comedy["catalogue_coverage"]) == (pytest.approx(2 / 3), 0.5)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_adjusted_chances_are_in_the_order_of_the_chances_and_never_smaller(p: list[float]) -> None:
    adjusted = holm(p)
    order = np.argsort(p, kind="stable")
    assert (np.diff(np.array(adjusted)[order]) >= 0).all()
    assert all(one >= own for one, own in zip(adjusted, p, strict=True))


def test_adjusted_chances_are_those_of_the_paper() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def worse_for_newcomers() -> tuple[Tally, Slicing]:
    """A candidate that errs by a star on 40 users without a training rating, and by nothing on 40 others."""
    users = np.repeat(np.arange(1, 81), 2)
    test = Ratings(users, np.tile([1, 2], 80), np.full(160, 4.0, np.float32))
    train = Ratings(np.arange(1, 41), np.full(40, 3), np.full(40, 3.0, np.float32))
    rival = np.tile([4.2, 3.9], 80)
    own = np.where(users > 40, 5.0, 4.0) + np.tile([0.0, 0.1, 0.05, 0.0], 40)
    lists = TopN(np.arange(1, 81), np.tile([1, 2], (80, 1)), np.ones((80, 2), np.float32))
    models = {"candidate": answers(list(own), lists), "baseline": answers(list(rival), lists)}
    of = slicing()
    return tally(Exam(test, train, PROTOCOL), of, models), of


def test_a_slice_in_which_a_version_is_worse_is_said_and_the_others_are_not() -> None:
    section = slices_section(*worse_for_newcomers(), OWN, "baseline")
    assert {(found["slice"], found["value"]) for found in worse_slices(section)} >= {("user", "cold")}
    assert ("user", "new") not in {(found["slice"], found["value"]) for found in worse_slices(section)}
    told = slices_told(section)
    assert told.startswith("Worse than the baseline, of ")
    assert "): user cold (RMSE of all pairs 1.0383 against 0." in told
    assert ", all (RMSE of all pairs 0.7353 against 0.1581)" in told


def test_a_chance_is_that_of_the_paired_t_test() -> None:
    found, of = worse_for_newcomers()
    section = slices_section(found, of, OWN, "baseline")
    (one,) = [row for row in section["compared"] if (row["slice"], row["score"]) == ("all", "rmse_all")]
    errors = [np.tile([0.0, 0.01, 0.0025, 0.0], 40), np.tile([0.04, 0.01], 80)]
    errors[0][80:] = np.tile([1.0, 1.21, 1.1025, 1.0], 20)
    of_users = [values.reshape(80, 2).sum(axis=1) for values in errors]
    assert one["p"] == pytest.approx(stats.ttest_rel(*of_users, alternative="greater").pvalue, rel=1e-3)


def test_what_a_baseline_stands_in_for_is_not_compared_with_it() -> None:
    found, of = worse_for_newcomers()
    section = slices_section(found, of, {"ndcg": "baseline", "rmse_all": "baseline"}, "baseline")
    assert section["compared"] == []


def test_blocks_of_users_add_up_to_everyone_also_as_bytes() -> None:
    rng = np.random.default_rng(3)
    pairs = np.array([(u, m) for u in range(1, 13) for m in range(1, 4)], np.int32)
    stars = rng.integers(1, 6, len(pairs)).astype(np.float32)
    rows, trained = Ratings(pairs[:, 0], pairs[:, 1], stars), rng.random(len(pairs)) < 0.5
    train, test = rows.where(trained), rows.where(~trained)
    baselines, of = fit_baselines(train), slicing({1: ["Comedy"], 2: ["Comedy", "Drama"]})

    def judged(test: Ratings, train: Ratings) -> Tally:
        trial = Trial(Exam(test, train, PROTOCOL), np.zeros(len(test), bool), baselines)
        (found,) = judge_in_slices(trial, [baselines.bias_only], of)
        assert found.tally is not None
        return found.tally

    everyone = judged(test, train)
    halves = [(test.user_id % 2 == side, train.user_id % 2 == side) for side in (0, 1)]
    blocks = [Tally.unpacked(judged(test.where(ours), train.where(known)).packed()) for ours, known in halves]
    pooled = Tally.pooled(blocks)
    assert pooled.sums.keys() == everyone.sums.keys()
    assert {key[0] for key in pooled.sums} >= {FIGURES, DIFFERENCE}
    for key, sums in everyone.sums.items():
        np.testing.assert_allclose(pooled.sums[key], sums, atol=1e-9)


def test_where_nobody_is_tested_nothing_is_worse() -> None:
    nobody = Ratings(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.float32))
    train = ratings((1, 1, 5.0))
    trial = Trial(Exam(nobody, train, PROTOCOL), np.zeros(0, bool), fit_baselines(train))
    (found,) = judge_in_slices(trial, [trial.baselines.bias_only], slicing())
    assert found.tally is not None
    section = slices_section(Tally.pooled([Tally.unpacked(found.tally.packed())]), slicing(), OWN, "baseline")
    assert (section["figures"], worse_slices(section)) == ([], [])
    assert slices_told(section).startswith("No slice has 30 users")
