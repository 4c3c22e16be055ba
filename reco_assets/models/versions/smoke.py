"""The smoke test: a model that was saved, registered and fetched answers as the one that was trained.

The trained model leaves a sample of its answers in its folder; whoever loads the folder, in another process or from
another place, can ask the same and compare.
"""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from reco_assets.models.interface import Recommender
from reco_assets.models.top_n import MASKED
from reco_assets.vocabulary import HIGHEST_RATING, LOWEST_RATING
from resources.errors import RecoError
from resources.files import plain_json, write_text_atomically

SAMPLE_FILE = "sample.json"
USERS, LIST_LENGTH = 20, 10
UNKNOWN_USER = -1
SAME_MOVIES = 0.9  # of the list entries: where scores are all but equal, another machine may swap two movies
TOLERANCE = 1e-4  # stars and scores; products of 64 float32 in another order differ by about 1e-6


class SmokeTestError(RecoError):
    """A model does not answer as it should; the message says what was asked and what came."""


def write_sample(folder: Path, model: Recommender) -> None:
    """Leave what a model answers for some users, one of them unknown, in its folder."""
    users = np.append(_spread(model.user_ids), np.int32(UNKNOWN_USER))
    movies = np.resize(_spread(model.movie_ids), len(users))
    lists = model.recommend(users, LIST_LENGTH)
    sample = {
        "user_id": users,
        "movie_id": movies,
        "stars": model.predict(users, movies),
        "list_length": LIST_LENGTH,
        "lists": lists.movie_id,
        "scores": lists.score,
    }
    write_text_atomically(folder / SAMPLE_FILE, json.dumps(plain_json(sample)) + "\n")


def smoke_test(load: Callable[[np.ndarray], Recommender], folder: Path, name: str) -> None:
    """Ask a loaded model what the trained one answered; `folder` holds those answers. Raises `SmokeTestError`.

    `load` brings the model, or that of some users alone, which are handed to it.
    """
    try:
        sample = json.loads((folder / SAMPLE_FILE).read_text())
        users, movies = (np.array(sample[key], np.int32) for key in ("user_id", "movie_id"))
        stars, scores = (np.array(sample[key], np.float64) for key in ("stars", "scores"))
        movies_listed, length = np.array(sample["lists"], np.int32), int(sample["list_length"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SmokeTestError(
            f"{name} cannot be tested: {folder / SAMPLE_FILE} is missing or damaged ({error}). "
            "Train a version anew: reco train."
        ) from None
    model = load(users)
    predicted, lists = model.predict(users, movies), model.recommend(users, length)
    wanted = min(length, len(model.movie_ids))
    told = {
        "predictions are numbers within 0.5 and 5 stars": bool(
            ((predicted >= LOWEST_RATING) & (predicted <= HIGHEST_RATING)).all()
        ),
        f"lists hold {wanted} different movies": all(
            len(set(row[row != MASKED].tolist())) == wanted for row in lists.movie_id
        ),
        "predictions are those of the trained model": np.allclose(predicted, stars, rtol=0, atol=TOLERANCE),
        "lists are those of the trained model": (lists.movie_id == movies_listed).mean() >= SAME_MOVIES,
        "list scores are those of the trained model": np.allclose(lists.score, scores, rtol=0, atol=TOLERANCE),
    }
    if failed := [rule for rule, holds in told.items() if not holds]:
        raise SmokeTestError(
            f"{name} failed its smoke test on {len(users)} users: not true that {'; '.join(failed)}. "
            "It is not promoted. Train a version anew: reco train."
        )


def _spread(ids: np.ndarray) -> np.ndarray:
    chosen: np.ndarray = ids[np.unique(np.linspace(0, len(ids) - 1, USERS).astype(int))]
    return chosen
