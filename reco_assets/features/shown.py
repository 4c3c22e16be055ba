"""What a person is shown of the features of a user, a movie or both."""

from datetime import datetime
from typing import Any

import numpy as np

from reco_assets.features.declarations import Entity
from reco_assets.features.store import FeatureStore


def known_of(store: FeatureStore, user: int | None, movie: int | None, at: datetime | None) -> dict[str, Any]:
    """Each feature with its value, just before a moment (UTC) or, for None, after all that is known.

    Of a feature per genre, the number of each genre where it is not 0.
    """
    known: dict[str, Any] = {}
    given = {Entity.USER: [user], Entity.MOVIE: [movie], Entity.USER_MOVIE: [user, movie]}
    for entity, ids in given.items():
        if None not in ids:
            asked = np.array([ids]) if entity is Entity.USER_MOVIE else np.array(ids)
            rows = (
                store.newest(entity, asked) if at is None else store.features_at(entity, asked, np.array([at], "M8[s]"))
            )
            (row,) = rows.drop_columns([*entity.ids, "ts"]).to_pylist()
            known |= {name: _by_genre(value, store.genres) for name, value in row.items()}
    return known


def _by_genre(value: Any, genres: tuple[str, ...]) -> Any:
    if not isinstance(value, list):
        return value
    return {genre: each for genre, each in zip(genres, value, strict=True) if each}


def as_text(value: Any) -> str:
    """A value of `known_of` for a person."""
    if isinstance(value, dict):
        return ", ".join(f"{genre} {each:.3g}" for genre, each in value.items()) or "none"
    return f"{value:,.4g}" if isinstance(value, float) else f"{value:,}"
