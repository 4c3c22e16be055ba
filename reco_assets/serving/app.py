"""The application: a snapshot that answers, and one that takes its place once something else is to be served."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI

from reco_assets.serving.current import Current
from reco_assets.serving.failures import answer_failures
from reco_assets.serving.limits import limited
from reco_assets.serving.metrics import count_swap, measured
from reco_assets.serving.routes import ROUTES
from reco_assets.version import code_version
from resources.tables.lakehouse import Lakehouse

LOOK_SECONDS = 1.0  # between two looks at what is to be served


def make_app(lakehouse: Lakehouse) -> FastAPI:
    """The application that serves a lakehouse's champion; while it runs, it follows what is promoted."""
    current = Current(lakehouse, _tell)

    @asynccontextmanager
    async def following(_: FastAPI) -> AsyncIterator[None]:
        await asyncio.to_thread(current.refresh)
        ended = asyncio.Event()
        follower = asyncio.create_task(_follow(current, ended))
        try:
            yield
        finally:
            ended.set()
            await follower

    app = FastAPI(
        title="reco-assets",
        version=code_version(),
        summary="Movie recommendations.",
        lifespan=following,
        docs_url=None,  # those pages load scripts from another site
        redoc_url=None,
    )
    app.state.current = current
    app.include_router(ROUTES)
    app.add_middleware(limited)
    app.add_middleware(measured)  # the last is the outermost
    answer_failures(app)
    return app


async def _follow(current: Current, ended: asyncio.Event) -> None:
    while not ended.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), LOOK_SECONDS)
        await asyncio.to_thread(current.refresh)


def _tell(current: Current) -> None:
    count_swap(current)
    if current.failure is not None:
        serves = f"{current.snapshot.version} serves on" if current.snapshot else "nothing is served"
        print(f"What is newest can't be served, {serves}: {current.failure}", file=sys.stderr, flush=True)
