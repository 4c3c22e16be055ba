"""Models beside each other on held-out movies, and which of those a model must not be judged on."""

from collections.abc import Mapping

import numpy as np
import pytest

from reco_assets.models.baselines import BiasOnly, Popularity
from reco_assets.models.interface import HeldOut, Recommender
from reco_assets.models.judging.evaluation import Protocol
from reco_assets.models.judging.sampled import SampledProtocol, sample_lists
from reco_assets.models.judging.sampled_document import sampled_numbers, sampled_report, sampled_section
from reco_assets.models.judging.sampled_judge import Findings, judge_held_out, not_learned
from reco_assets.models.ratings import Ratings

FULL, PROTOCOL = Protocol(10, 4.0, "drop", "leave_latest_out"), SampledProtocol(seed=1)


def ratings(*rows: tuple[int, int, float]) -> Ratings:
    user, movie, stars = zip(*rows, strict=True)
    return Ratings(np.array(user, np.int32), np.array(movie, np.int32), np.array(stars, np.float32))


def rivals(known: Ratings) -> Mapping[str, Recommender]:
    return {"bias_only": BiasOnly.fit(known)}


@pytest.fixture
def held() -> HeldOut:
    rng = np.random.default_rng(3)
    known = ratings(*((user, int(movie), 4.0) for user in range(1, 30) for movie in rng.choice(200, 20, replace=False)))
    return HeldOut(known, ratings(*((user, 200 + user % 3, 5.0) for user in range(1, 30))), {"there": 1}, rivals)


def findings(held: HeldOut) -> Findings:
    lists = sample_lists(held.known, held.ratings, PROTOCOL)
    return judge_held_out(Popularity.fit(held.known), held, lists, PROTOCOL.k, FULL)


def test_every_model_is_ranked_among_the_same_negatives_and_in_the_full_catalogue(held: HeldOut) -> None:
    found = findings(held)
    assert list(found.scores) == ["candidate", "popularity", "bias_only"]
    assert found.scores["candidate"] == found.scores["popularity"]
    assert {sampled.users for sampled, _ in found.scores.values()} == {29}


def test_the_same_model_on_the_same_seed_has_the_same_figures(held: HeldOut) -> None:
    first, again = (findings(held).scores for _ in range(2))
    assert first == again


def test_the_section_names_its_protocol_and_every_number_has_a_name_of_its_own(held: HeldOut) -> None:
    section = sampled_section(PROTOCOL.describe(), findings(held).scores, 10, 99)
    assert section["protocol"] == ("leave-latest-one-out of ratings >= 4, ranked among 99 sampled negatives (seed 1)")
    assert sorted(sampled_numbers(section)) == [
        *(f"sampled_{name}" for name in ("auc", "bias_only_auc", "bias_only_hit_rate", "bias_only_ndcg")),
        *("sampled_hit_rate", "sampled_ndcg"),
        *(f"sampled_popularity_{name}" for name in ("auc", "hit_rate", "ndcg")),
    ]
    assert section["protocol"] in "\n".join(sampled_report(section))


def test_a_movie_that_was_rated_again_since_the_training_is_not_judged(held: HeldOut) -> None:
    learned = ratings((1, 201, 4.5), (2, 201, 4.5))  # of these two pairs one is held out by now
    judged = not_learned(held, learned)
    assert len(judged.ratings) == len(held.ratings) - 1
    assert 1 not in judged.ratings.user_id
