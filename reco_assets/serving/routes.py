"""The routes: what is asked for is found in the snapshot of the moment, and nothing is computed here."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from reco_assets.gold import answers
from reco_assets.serving.current import Current
from reco_assets.serving.failures import RefusedError, documented
from reco_assets.serving.metrics import CONTENT_TYPE, exposition
from reco_assets.serving.schema import (
    Entry,
    ForRatings,
    Health,
    Id,
    Length,
    Rated,
    Recommendations,
    Similar,
    Trending,
)
from reco_assets.serving.snapshot import Snapshot

ROUTES = APIRouter()
Wanted = Annotated[Length | None, Query(description="How many movies at most; TOP_N where it is not given.")]


@ROUTES.get("/recommendations/{user}", responses=documented(422, 503))
async def recommendations(request: Request, user: Id, n: Wanted = None) -> Recommendations:
    """A user's best movies without those the user has rated; for a stranger the popular ones."""
    found, length = _snapshot(request).of(user), _length(request, n)
    solved = found.came.holds(user)  # which takes milliseconds, and others are not to wait for it
    listed = await run_in_threadpool(found.recommended, user, length) if solved else found.recommended(user, length)
    movies = _entries(listed)
    return Recommendations(model_version=found.version, user_id=user, known_user=found.knows_user(user), movies=movies)


@ROUTES.post("/recommendations", responses=documented(400, 413, 422, 503))
def for_ratings(request: Request, rated: Rated) -> ForRatings:
    """The best movies for someone who is not a user: the model is solved for these ratings, and nothing is kept."""
    found = _snapshot(request)
    known = found.knows_movies([rating.movie_id for rating in rated.ratings])
    strange = {rating.movie_id for rating, knows in zip(rated.ratings, known, strict=True) if not knows}
    pairs = [(rating.movie_id, rating.stars) for rating in rated.ratings]
    movies = _entries(found.for_ratings(pairs, _length(request, rated.n)))
    return ForRatings(model_version=found.version, unknown_movies=sorted(strange), movies=movies)


@ROUTES.get("/similar/{movie}", responses=documented(404, 422, 503))
async def similar(request: Request, movie: Id, n: Wanted = None) -> Similar:
    """The movies most like one; none where nobody liked it."""
    found = _snapshot(request)
    if not found.knows_movies([movie])[0]:
        message = f"Movie {movie} has no ratings in the training data of {found.version}, so none is known to be alike."
        raise RefusedError(404, "unknown_movie", message)
    return Similar(
        model_version=found.version, movie_id=movie, movies=_entries(found.similar(movie, _length(request, n)))
    )


@ROUTES.get("/trending", responses=documented(422, 503))
async def trending(request: Request, n: Wanted = None) -> Trending:
    """The movies that people turn to now."""
    found = _snapshot(request)
    return Trending(as_of=found.trend.as_of, movies=_entries(found.trending(_length(request, n))))


@ROUTES.head("/health", include_in_schema=False)  # load balancers ask so
@ROUTES.get("/health")
async def health(request: Request) -> Health:
    """Whether a champion answers. Before the first there is none, and the server is well all the same."""
    current = _current(request)
    if current.snapshot is None:
        return Health(status="no_champion", model_version=None, failure=current.failure)
    return Health(status="ok", model_version=current.snapshot.version, failure=current.failure)


@ROUTES.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics() -> Response:
    """What Prometheus reads."""
    return Response(exposition(), media_type=CONTENT_TYPE)


def _current(request: Request) -> Current:
    current: Current = request.app.state.current
    return current


def _snapshot(request: Request) -> Snapshot:
    current = _current(request)
    if current.snapshot is None:
        why = current.failure or "No model has been promoted yet. Train one: reco train"
        raise RefusedError(503, "no_champion", why)
    return current.snapshot


def _length(request: Request, n: int | None) -> int:
    return n or _current(request).lakehouse.settings.serving.top_n


def _entries(listed: Sequence[answers.Entry]) -> list[Entry]:
    return [Entry.model_construct(**vars(each)) for each in listed]
