"""The table of cases: what of a candidate would serve, and when that becomes the champion."""

import pytest

from reco_assets.models.judging.comparison import Comparison, Difference
from reco_assets.models.judging.promotion import Findings, Promotion, decide_promotion, replaced_by_baselines
from reco_assets.models.record import ModelPart

BOTH: tuple[ModelPart, ...] = ("lists", "stars")
SAME = (0.0, 0.0)
BETTER_LISTS, WORSE_LISTS, NOISY_LISTS = (0.001, 0.02), (-0.02, -0.001), (-0.02, 0.001)
BETTER_STARS, WORSE_STARS, NOISY_STARS = (-0.02, -0.001), (0.001, 0.02), (-0.001, 0.02)
Interval = tuple[float, float]


def compared(lists: Interval | None, stars: Interval | None, users: int = 200) -> Comparison:
    """Intervals of candidate - rival around differences in their middle; None: nobody was judged."""
    ndcg = lists and Difference(0.20, 0.20 - sum(lists) / 2, *lists, users)
    return Comparison(ndcg or None, (stars and Difference(0.90, 0.90 - sum(stars) / 2, *stars, users)) or None)


GOOD = compared(BETTER_LISTS, BETTER_STARS)


def decided(against: Comparison | None, beside: Comparison = GOOD, **findings: tuple[ModelPart, ...]) -> Promotion:
    return decide_promotion(Findings(10, beside, **{"replaceable": BOTH, "replaced": ()} | findings), against)


@pytest.mark.parametrize(
    ("lists", "stars", "users", "replaced"),
    [
        pytest.param(BETTER_LISTS, BETTER_STARS, 200, (), id="better at both"),
        pytest.param(NOISY_LISTS, NOISY_STARS, 200, (), id="worse within noise"),
        pytest.param(SAME, SAME, 200, (), id="as good as the baselines"),
        pytest.param(WORSE_LISTS, BETTER_STARS, 200, ("lists",), id="lists worse beyond noise"),
        pytest.param(BETTER_LISTS, WORSE_STARS, 200, ("stars",), id="stars worse beyond noise"),
        pytest.param(WORSE_LISTS, WORSE_STARS, 200, BOTH, id="both worse beyond noise"),
        pytest.param(WORSE_LISTS, WORSE_STARS, 100, BOTH, id="just enough users"),
        pytest.param(NOISY_LISTS, BETTER_STARS, 99, ("lists",), id="few users, lists with the lower score"),
        pytest.param(BETTER_LISTS, NOISY_STARS, 99, ("stars",), id="few users, stars with the greater error"),
        pytest.param(SAME, SAME, 99, BOTH, id="few users, as good as the baselines"),
        pytest.param((-0.01, 0.03), (-0.03, 0.01), 99, (), id="few users, the better scores within noise"),
        pytest.param(None, BETTER_STARS, 200, ("lists",), id="nobody to judge lists on"),
        pytest.param(None, None, 200, BOTH, id="nobody to judge anything on"),
    ],
)
def test_a_baseline_stands_in_for_what_it_is_better_than(
    lists: Interval | None, stars: Interval | None, users: int, replaced: tuple[ModelPart, ...]
) -> None:
    assert replaced_by_baselines(compared(lists, stars, users), BOTH) == replaced


def test_it_stands_in_only_for_parts_that_the_kind_of_model_says() -> None:
    assert replaced_by_baselines(compared(WORSE_LISTS, WORSE_STARS), ("lists",)) == ("lists",)
    assert replaced_by_baselines(compared(WORSE_LISTS, WORSE_STARS), ()) == ()


def test_where_nobody_was_judged_a_part_is_as_the_champion_has_it() -> None:
    assert replaced_by_baselines(compared(None, None), BOTH, untold=()) == ()
    assert replaced_by_baselines(compared(None, BETTER_STARS), BOTH, untold=BOTH) == ("lists",)


@pytest.mark.parametrize(
    ("against", "promoted"),
    [
        pytest.param(None, True, id="the first"),
        pytest.param((SAME, SAME), True, id="the same again"),
        pytest.param((BETTER_LISTS, BETTER_STARS), True, id="better at both"),
        pytest.param((NOISY_LISTS, SAME), True, id="lists worse within noise"),
        pytest.param((WORSE_LISTS, SAME), False, id="lists worse beyond noise"),
        pytest.param((SAME, NOISY_STARS), True, id="stars worse within noise"),
        pytest.param((SAME, WORSE_STARS), False, id="stars worse beyond noise"),
        pytest.param((BETTER_LISTS, WORSE_STARS), False, id="better lists do not pay for worse stars"),
        pytest.param((WORSE_LISTS, BETTER_STARS), False, id="better stars do not pay for worse lists"),
        pytest.param(((-0.01, 0.0), (0.0, 0.01)), True, id="an interval that ends at zero"),
        pytest.param((None, None), True, id="nobody to judge on"),
    ],
)
def test_the_decision(against: tuple[Interval | None, Interval | None] | None, promoted: bool) -> None:
    decision = decided(against and compared(*against))
    assert decision.promote is promoted
    assert decision.reason.startswith("promoted: " if promoted else "rejected: ")


def test_the_reason_of_the_first_says_what_serves_and_the_figures_that_say_why() -> None:
    assert decided(None, compared((0.01, 0.03), WORSE_STARS), replaced=("stars",)).reason == (
        "promoted: there is no champion to compare with; serves "
        "the model's lists (NDCG@10 0.2000 against popularity's 0.1800, better beyond noise: "
        "difference +0.0200, 95 % interval +0.0100 to +0.0300, 200 users) and "
        "bias-only's stars (RMSE 0.8895; the model's 0.9000, worse beyond noise: "
        "difference +0.0105, 95 % interval +0.0010 to +0.0200, 200 users)"
    )


def test_a_rejection_names_both_scores_their_difference_and_its_interval() -> None:
    reason = decided(compared((-0.03, -0.01), (-0.02, 0.01))).reason
    assert reason.startswith(
        "rejected: NDCG@10 0.2000 against the champion's 0.2200, worse beyond noise "
        "(difference -0.0200, 95 % interval -0.0300 to -0.0100, 200 users); "
        "RMSE 0.9000 against the champion's 0.9050, no difference beyond noise "
        "(difference -0.0050, 95 % interval -0.0200 to +0.0100, 200 users); would serve the model's lists"
    )


def test_better_lists_and_better_stars_are_called_so() -> None:
    reason = decided(compared(BETTER_LISTS, BETTER_STARS), replaceable=()).reason
    assert reason.startswith("promoted: ")
    assert reason.count("better beyond noise") == 2


def test_a_small_test_is_called_too_small_to_tell_with_how_many_were_judged() -> None:
    reason = decided(None, compared(BETTER_LISTS, BETTER_STARS, users=20)).reason
    assert reason.endswith(
        "; the test is too small to tell: lists were judged on 20 users, stars were judged on 20 users, "
        "and below 100 a part needs the better score to serve"
    )
    assert "too small" not in decided(None, compared(BETTER_LISTS, BETTER_STARS, users=100)).reason


def test_where_nobody_was_judged_the_reason_says_so() -> None:
    reason = decided(compared(None, SAME), compared(None, SAME), replaced=("lists",)).reason
    assert "NDCG@10 says nothing, as hardly anyone rated a relevant movie" in reason
    assert "serves popularity's lists (hardly anyone rated a relevant movie)" in reason
    assert "lists were judged on 0 users" in reason


def test_without_a_comparison_the_reason_says_why() -> None:
    findings = Findings(10, GOOD, replaceable=(), replaced=())
    assert decide_promotion(findings, None).reason == "promoted: there is no champion to compare with"
    assert (
        decide_promotion(findings, None, "it is the champion already").reason == "promoted: it is the champion already"
    )
