"""A real browser that a program drives: Debian's Chromium, as Playwright's own downloads are not always to be had."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, sync_playwright

from resources.errors import RecoError
from resources.loopback import listens

NAMES = ("chromium", "chromium-browser", "google-chrome")
START_SECONDS, POLL_SECONDS = 120.0, 0.1
PAGE_MILLISECONDS = 60_000  # until something is seen; two cores may have a training to do meanwhile
WINDOW = {"width": 1280, "height": 860}


class BrowserError(RecoError):
    """There is no browser, or a page's server does not start."""


def chromium() -> str | None:
    """The path of the browser; None where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@contextmanager
def browser() -> Iterator[BrowserContext]:
    """A browser without a window on the screen, whose pages look the same on every machine. Raises `BrowserError`."""
    path = chromium()
    if path is None:
        raise BrowserError("Chromium is missing: apt-get install chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])  # root may not have one
        context = started.new_context(
            viewport=WINDOW,  # type: ignore[arg-type]
            color_scheme="light",
            locale="en-US",
            timezone_id="UTC",
        )
        context.set_default_timeout(PAGE_MILLISECONDS)
        yield context
        started.close()


def wait_for_server(url: str) -> None:
    """Return once the server of a local address takes connections. Raises `BrowserError`."""
    port, deadline = urlsplit(url).port or 80, time.monotonic() + START_SECONDS
    while not listens(port):
        if time.monotonic() > deadline:
            raise BrowserError(f"{url} did not answer within {START_SECONDS:.0f} s")
        time.sleep(POLL_SECONDS)
