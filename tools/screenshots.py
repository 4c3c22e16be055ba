"""Takes the documentation's pictures: runs the demo in a folder of its own, opens Dagit, MLflow and the reports of it.

`make screenshots` writes `docs/images/`. A picture on which this machine would be seen is refused.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import BrowserContext, Locator, Page

from reco_assets.drift.index import PAGE as DRIFT_INDEX
from reco_assets.drift.reports import reports_folder
from reco_assets.runner.demo import dagster_running
from resources.errors import RecoError
from resources.loopback import HOST, free_port
from resources.settings import Settings, load_settings
from tools.browser import browser, wait_for_server

REPO = Path(__file__).resolve().parents[1]
IMAGES = REPO / "docs" / "images"
LOOKS = 50  # at a page, until it doesn't change any more
# What MLflow remembers in a browser that has been there before: no assistant beside the page.
MLFLOW_REMEMBERS = {
    "mlflow.assistant.fab.autoOpenedOnFirstLoad_v1": "true",
    "mlflow.assistant.panelOpen_v1": "false",
}


class PictureError(RecoError):
    """A picture can't be taken, or would show the machine it was taken on."""


@dataclass(frozen=True)
class Picture:
    """Where a page is, and what is done there until it shows what the picture is about."""

    address: str
    prepare: Callable[[Page], None]


def main() -> None:
    """Make the demo and take every picture of it."""
    with TemporaryDirectory(prefix="reco-") as folder:
        settings = _demo(Path(folder))
        with dagster_running(settings) as running, _mlflow(settings) as mlflow, browser() as context:
            wait_for_server(running.url)
            wait_for_server(mlflow)
            for name, picture in _pictures(running.url, mlflow, settings).items():
                _take(context, picture, IMAGES / f"{name}.png", Path(folder))


def _demo(folder: Path) -> Settings:
    """Run `reco demo` with its lakehouse and Dagster's records in a folder; return the settings of it."""
    for name in [name for name in os.environ if name.startswith(("RECO_SOURCE", "MLFLOW_"))]:
        del os.environ[name]
    home = folder / "home"
    home.mkdir()
    shutil.copy(REPO / "dagster.yaml", home)
    os.environ |= {"LAKEHOUSE_PATH": str(folder / "data"), "DAGSTER_HOME": str(home), "RECO_SOURCE": "synthetic"}
    os.environ.pop("MOVIELENS_PATH", None)
    subprocess.run([sys.executable, "-m", "reco_assets.cli", "demo", "--synthetic"], check=True)
    return load_settings()


@contextmanager
def _mlflow(settings: Settings) -> Iterator[str]:
    """MLflow's pages of the lakehouse's own store, ended with the block; yields their address."""
    port = free_port()
    store = f"sqlite:///{settings.storage.root}/mlflow/mlflow.db"
    command = ["server", "--host", HOST, "--port", str(port), "--backend-store-uri", store, "--workers", "1"]
    with subprocess.Popen([sys.executable, "-m", "mlflow", *command], stdout=subprocess.DEVNULL) as process:
        try:
            yield f"http://{HOST}:{port}"
        finally:
            process.terminate()


def _pictures(dagit: str, mlflow: str, settings: Settings) -> Mapping[str, Picture]:
    """Every picture of docs/images by its name."""
    drift = reports_folder(settings)
    return {
        "lineage": Picture(f"{dagit}/asset-groups", lambda page: page.get_by_text("Materialize all").wait_for()),
        "runs": Picture(f"{dagit}/runs", lambda page: page.get_by_role("link", name="drift_retrain").wait_for()),
        "asset_recommendations": Picture(
            f"{dagit}/assets/gold/recommendations_als", lambda page: page.get_by_text("Row count").first.wait_for()
        ),
        "als_evaluation": Picture(f"{dagit}/assets/models/als_evaluation", _metadata),
        "promotion": Picture(f"{dagit}/assets/models/als_champion", _metadata),
        "drift_point": Picture(f"{dagit}/assets/drift/report", _plots),
        "sensors": Picture(f"{dagit}/automation", lambda page: page.get_by_text("retrain_sensor").wait_for()),
        "mlflow_champion": Picture(f"{mlflow}/#/models/reco_als", _champion_version),
        "drift_report": Picture(_newest(drift, "*.html").as_uri(), _nothing),
        "drift_index": Picture((drift / DRIFT_INDEX).as_uri(), _nothing),
        "quality_report": Picture(_newest(settings.storage.root / "quality", "reports/*.html").as_uri(), _nothing),
    }


def _metadata(page: Page) -> None:
    _to_top(page.get_by_role("button", name="Metadata"))


def _plots(page: Page) -> None:
    """Show the figures of the drift reports over time, that of the score first."""
    page.get_by_role("button", name="Plots").click()
    _to_top(page.get_by_text("drift_score", exact=True))


def _champion_version(page: Page) -> None:
    """Open the registered version that serves, from the page of the model."""
    page.evaluate(
        "kept => Object.entries(kept).forEach(([key, value]) => localStorage.setItem(key, value))", MLFLOW_REMEMBERS
    )
    page.reload()
    page.get_by_role("row").filter(has_text="champion").get_by_role("link").first.click()
    page.get_by_role("button", name="Model training").click()
    page.get_by_role("link", name=re.compile(r"^\d{8}_")).wait_for()  # the run it came from


def _nothing(page: Page) -> None:
    """A report is there at once."""


def _to_top(found: Locator) -> None:
    found.wait_for()
    found.evaluate("element => element.scrollIntoView({block: 'start'})")


def _newest(folder: Path, pattern: str) -> Path:
    """The page that was written last, apart from an index. Raises `PictureError` where there is none."""
    pages = [path for path in folder.glob(pattern) if path.name != DRIFT_INDEX]
    if not pages:
        raise PictureError(f"The demo left no page in {folder}.")
    return max(pages, key=lambda path: path.stat().st_mtime)


def _take(context: BrowserContext, picture: Picture, file: Path, folder: Path) -> None:
    page = context.new_page()
    page.goto(picture.address)
    picture.prepare(page)
    shown = page.screenshot()
    for _ in range(LOOKS):
        before, shown = shown, page.screenshot()
        if before == shown:
            break
    _refuse_traces(page, file.name, folder)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(shown)
    print(f"{file.relative_to(REPO)}: {len(shown) // 1000} kB")
    page.close()


def _refuse_traces(page: Page, name: str, folder: Path) -> None:
    """Raise `PictureError` where a part of the page that is in the window names this machine or a folder of it."""
    for word in (str(folder), str(REPO), socket.gethostname()):
        for found in page.get_by_text(word).all():
            box = found.bounding_box()
            if box and 0 <= box["y"] < page.viewport_size["height"]:  # type: ignore[index]
                raise PictureError(f"{name} would show {word}: {found.inner_text()[:200]}")


if __name__ == "__main__":
    main()
