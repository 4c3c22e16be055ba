"""From ratings to the course of a training: who is held out to validate on, and among whom."""

from dataclasses import dataclass

import numpy as np

from reco_assets.models.baselines import stars_of
from reco_assets.models.judging.sampled import (
    NO_MOVIE,
    Interactions,
    SampledLists,
    SampledProtocol,
    Split,
    leave_latest_out,
    sample_lists,
)
from reco_assets.models.ncf.lessons import Catalogue, Lessons
from reco_assets.models.ratings import positions
from reco_assets.models.training_data import TrainingData

VALIDATION = 1  # beside the seed: the judge may start from the same one, and draws others
DRAWS = 5  # of negatives to validate on: with one, NDCG@10 of 600 users differs by 0.01 from draw to draw


@dataclass(frozen=True)
class Course:
    """What a training goes through; both lessons have the same users, movies and kinds of features.

    Attributes:
        search: All ratings but the validation slice.
        validation: Lists to rank, of positions: the held-out movie of each user, then others. Any number of draws; with
            none every training has as many epochs as are allowed.
        final: All ratings.
    """

    search: Lessons
    validation: tuple[SampledLists, ...]
    final: Lessons


@dataclass(frozen=True)
class Plan:
    """The course over some ratings, and the sorted ids whose positions it speaks of."""

    course: Course
    user_ids: np.ndarray
    movie_ids: np.ndarray


def plan(data: TrainingData, described: Catalogue | None, seed: int) -> Plan:
    """Plan the training on all of these ratings.

    Args:
        data: What may be learned from. Without moments the order in time is a hash's.
        described: Movies with features, rated or not; None: there are no features.
        seed: Of the movies that the validation slice is ranked among.

    Raises:
        NoRatingsError: There are no ratings.
    """
    user_ids, movie_ids, _ = stars_of(data.ratings)
    moment = np.zeros(len(data.ratings), np.int64) if data.moment is None else data.moment
    known = Interactions(data.ratings, moment)
    catalogue = described.and_those_of(movie_ids) if described else Catalogue.without_features(movie_ids)
    split = leave_latest_out(known)
    search, final = (Lessons.of(rows.ratings, user_ids, catalogue) for rows in (split.known, known))
    validation = _validation(split, user_ids, catalogue.movie_ids, seed)
    return Plan(Course(search, validation, final), user_ids, catalogue.movie_ids)


def _validation(split: Split, user_ids: np.ndarray, movie_ids: np.ndarray, seed: int) -> tuple[SampledLists, ...]:
    """Lists of positions. No lists for nobody."""
    if len(split.held_out) == 0:
        return ()
    drawn = (
        sample_lists(split.known.ratings, split.held_out, SampledProtocol(int(draw)))
        for draw in np.random.SeedSequence([seed, VALIDATION]).generate_state(DRAWS)
    )
    return tuple(
        SampledLists(
            positions(user_ids, lists.user_id).astype(np.int32),
            np.where(
                lists.movie_id == NO_MOVIE,
                NO_MOVIE,
                positions(movie_ids, lists.movie_id.ravel()).reshape(lists.movie_id.shape),
            ).astype(np.int32),
        )
        for lists in drawn
    )
