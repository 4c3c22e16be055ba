"""Divergences against scipy, and hashes against what they are said to be."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy

from reco_assets.statistics import divergence, jensen_shannon, pair_number, splitmix64

COUNTS = st.lists(st.integers(0, 10_000), min_size=10, max_size=10).filter(any).map(np.array)


@given(COUNTS, COUNTS)
@settings(max_examples=50)
def test_the_divergence_is_that_of_scipy_with_half_a_row_more_in_every_bin(
    reference: np.ndarray, current: np.ndarray
) -> None:
    assert divergence(reference, current) == pytest.approx(entropy(current + 0.5, reference + 0.5), abs=1e-12)


@given(COUNTS, COUNTS)
@settings(max_examples=50)
def test_jensen_shannon_is_the_squared_distance_of_scipy(first: np.ndarray, second: np.ndarray) -> None:
    assert jensen_shannon(first, second) == pytest.approx(jensenshannon(first, second, base=2) ** 2, abs=1e-9)


def test_splitmix64_gives_the_numbers_of_its_reference_implementation() -> None:
    # Its first two outputs for the seed 0: each is the mix of one step more.
    assert splitmix64(np.array([0]), 0).tolist() == [0xE220A8397B1DCDAF]
    assert splitmix64(np.array([0]), 1).tolist() == [0x6E789E6AA1B965F4]


def test_pairs_have_different_numbers_whichever_id_is_the_larger() -> None:
    assert pair_number(np.array([1, 2, 0]), np.array([2, 1, 2**31 - 1])).tolist() == [2**32 + 2, 2**33 + 1, 2**31 - 1]


def test_no_movie_makes_no_pair_with_any_user() -> None:
    assert pair_number(np.array([0, 7]), np.array([-1, -1])).tolist() == [-1, -1]
