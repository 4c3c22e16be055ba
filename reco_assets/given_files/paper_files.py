"""The files of He et al. (2017): train.rating, test.rating and test.negative, and a family judged on them.

Of the first two a line is `USER<tab>ITEM<tab>RATING<tab>TIMESTAMP`; test.rating has one line of each user. Of the third
a line is `(USER,ITEM)<tab>NEGATIVE<tab>…`, in the order of test.rating. Names may have a prefix, as ml-1m.train.rating.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from reco_assets.models.als.family import configure, fit_ranking
from reco_assets.models.interface import Family, HeldOut, Recommender
from reco_assets.models.judging.evaluation import Protocol
from reco_assets.models.judging.sampled import NO_MOVIE, Interactions, SampledLists
from reco_assets.models.judging.sampled_document import sampled_section
from reco_assets.models.judging.sampled_judge import judge_held_out
from reco_assets.models.ratings import Ratings
from reco_assets.models.training import fit
from reco_assets.models.training_data import TrainingData
from resources.errors import RecoError
from resources.settings import Settings
from resources.tables.lakehouse import Lakehouse

TRAIN, TEST, NEGATIVE = "train.rating", "test.rating", "test.negative"
LENGTH = 10  # of the paper's lists
LARGEST = 2**31 - 1
T = TypeVar("T")


class PaperFilesError(RecoError):
    """A file is missing or a line is not what it must be; the message names file, line and rule."""


@dataclass(frozen=True)
class PaperFiles:
    """What the three files hold: training ratings, one test rating of each user, and what that is ranked among."""

    train: Interactions
    test: Ratings
    lists: SampledLists


def read_paper_files(folder: Path) -> PaperFiles:
    """Read the three files of a folder. Raises `PaperFilesError`."""
    train_path, test_path, negative_path = (_only(folder, name) for name in (TRAIN, TEST, NEGATIVE))
    train, test = _interactions(train_path), _interactions(test_path)
    users, counts = np.unique(test.ratings.user_id, return_counts=True)
    if (counts > 1).any():
        raise PaperFilesError(
            f"{test_path} has more than one line of user {users[counts > 1][0]}: it must have one of each user."
        )
    rows = [negatives for _, negatives in _lines(negative_path, _negatives)]
    pairs = list(zip(test.ratings.user_id.tolist(), test.ratings.movie_id.tolist(), strict=True))
    if len(rows) != len(pairs):
        raise PaperFilesError(
            f"{negative_path} has {len(rows):,} lines and {test_path} {len(pairs):,}: each test rating must have one."
        )
    for line, ((pair, _), wanted) in enumerate(zip(rows, pairs, strict=True), 1):
        if pair != wanted:
            raise PaperFilesError(
                f"{negative_path}, line {line}: {pair} is not the pair {wanted} of the same line in {test_path.name}."
            )
    movies = np.full((len(rows), 1 + max(len(negatives) for _, negatives in rows)), NO_MOVIE, np.int32)
    for row, ((_, item), negatives) in enumerate(rows):
        movies[row, : 1 + len(negatives)] = item, *negatives
    return PaperFiles(train, test.ratings, SampledLists(test.ratings.user_id, movies))


def evaluate_paper_files(settings: Settings, family: Family, folder: Path) -> Mapping[str, Any]:
    """Train a model of a family on the files of a folder and judge it, popularity and implicit ALS on them.

    Nothing is kept. Raises `PaperFilesError`, `NoRatingsError`.
    """
    files = read_paper_files(folder)
    known, negatives = files.train.ratings, files.lists.movie_id.shape[1] - 1
    data = TrainingData(known, {TRAIN: str(folder)}, "as_given", moment=files.train.moment)
    config = family.configure(settings)
    model = fit(family, data, config, Lakehouse.open(settings).engine).model

    def rivals(rows: Ratings) -> Mapping[str, Recommender]:
        return {"implicit_als": fit_ranking(rows, configure(settings))}

    held = HeldOut(known, files.test, data.inputs, rivals)
    full = Protocol(LENGTH, -math.inf, "drop", "as_given")  # a held-out rating is relevant whatever its stars
    found = judge_held_out(model, held, files.lists, LENGTH, full)
    protocol = f"the one rating of each user in {TEST}, ranked among the negatives of {NEGATIVE} ({negatives} at most)"
    return {
        "folder": str(folder),
        "model": family.name,
        "trained_on": "the ratings of the files alone, without features",
        "train_count": len(known),
        "hyperparameters": dict(family.hyperparameters(config)),
        "sampled": sampled_section(protocol, found.scores, LENGTH, negatives),
    }


def _only(folder: Path, name: str) -> Path:
    found = sorted(folder.glob(f"*{name}"))
    if len(found) != 1:
        there = f"there are {', '.join(path.name for path in found)}" if found else "there is none"
        raise PaperFilesError(f"{folder} must hold one file *{name}, and {there}.")
    return found[0]


def _interactions(path: Path) -> Interactions:
    rows = [row for _, row in _lines(path, _rating)]
    user, movie, stars, moment = zip(*rows, strict=True)
    ratings = Ratings(np.array(user, np.int32), np.array(movie, np.int32), np.array(stars, np.float32))
    return Interactions(ratings, np.array(moment, np.int64))


def _lines(path: Path, parse: Callable[[list[str]], T]) -> Iterator[tuple[int, T]]:
    """Each line's number and what it says. Raises `PaperFilesError`, also where there is none."""
    line = 0
    try:
        with path.open(encoding="utf-8") as file:
            for line, text in enumerate(file, 1):
                yield line, parse(text.rstrip("\r\n").split("\t"))
    except UnicodeDecodeError:
        raise PaperFilesError(f"{path}, after line {line}: it is no text in UTF-8.") from None
    except ValueError as error:
        raise PaperFilesError(f"{path}, line {line}: {error}.") from None
    if not line:
        raise PaperFilesError(f"{path} is empty: it must have a line of each rating.")


def _rating(fields: list[str]) -> tuple[int, int, float, int]:
    if len(fields) != 4:
        raise ValueError(
            f"it has {len(fields)} fields, and must have 4: user, item, rating, timestamp, with tabs between"
        )
    try:
        stars = float(fields[2])
    except ValueError:
        stars = math.nan
    if not math.isfinite(stars):
        raise ValueError(f"rating {fields[2]!r} must be a number")
    return _whole(fields[0], "user"), _whole(fields[1], "item"), stars, _whole(fields[3], "timestamp", 2**63 - 1)


def _negatives(fields: list[str]) -> tuple[tuple[int, int], list[int]]:
    pair, *negatives = fields
    ids = pair.removeprefix("(").removesuffix(")").split(",")
    if not (pair.startswith("(") and pair.endswith(")") and len(ids) == 2):
        raise ValueError(f"it begins with {pair!r}, and must begin with (USER,ITEM)")
    if not any(negatives):
        raise ValueError("it has no negatives, and must have one at least")
    return (_whole(ids[0], "user"), _whole(ids[1], "item")), [_whole(text, "negative") for text in negatives if text]


def _whole(text: str, what: str, largest: int = LARGEST) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= largest):
        raise ValueError(f"{what} {text!r} must be a whole number from 0 to {largest}")
    return int(text)
