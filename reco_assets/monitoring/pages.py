"""Where the pages are that people open: what a server shows, and what lies as a file in the lakehouse."""

from collections.abc import Callable, Mapping
from pathlib import Path

from reco_assets.drift.index import PAGE as INDEX
from reco_assets.drift.reports import read_report, reports_folder
from reco_assets.pipelines.selections import QUALITY_REPORT
from reco_assets.quality.reports import REPORTS as QUALITY_REPORTS
from resources.errors import RecoError
from resources.loopback import HOST, listens
from resources.mlflow.mirror import LOCAL_PORT as MLFLOW_PORT
from resources.mlflow.mirror import MlflowTracking
from resources.settings import Settings

DAGIT_PORT = 3000  # of make dev


class NoPageError(RecoError):
    """There is no such page yet, or no server that shows it; the message says how it comes to be."""


def dagit(_: Settings) -> str:
    """The address of Dagit, as `make dev` starts it."""
    return _served(DAGIT_PORT, "Dagit", "make dev")


def mlflow(settings: Settings) -> str:
    """The address of MLflow: of the server that is set, or of the local store as `make mlflow` opens it."""
    server = MlflowTracking(settings, settings.mlflow.registry_name).server_pages
    return server or _served(MLFLOW_PORT, "MLflow", "make mlflow")


def drift_report(settings: Settings) -> str:
    """The page of the newest drift report."""
    return _file(reports_folder(settings) / f"{read_report(settings)['report_id']}.html", "reco stream detect_drift")


def drift_reports(settings: Settings) -> str:
    """The page that lists all drift reports, with the score over time."""
    return _file(reports_folder(settings) / INDEX, "reco stream detect_drift")


def quality_report(settings: Settings) -> str:
    """The newest page on the quality of all tables."""
    folder = settings.storage.root / QUALITY_REPORTS
    newest = max(folder.glob("*.html"), default=folder / "*.html")  # their names begin with the moment
    return _file(newest, f"reco run --select {QUALITY_REPORT[0]}")


PAGES: Mapping[str, Callable[[Settings], str]] = {
    "dagit": dagit,
    "mlflow": mlflow,
    "report": drift_report,
    "reports": drift_reports,
    "quality": quality_report,
}


def _served(port: int, name: str, command: str) -> str:
    if not listens(port):
        raise NoPageError(f"Nothing listens on port {port}, where {name} would be. Start it: {command}.")
    return f"http://{HOST}:{port}"


def _file(path: Path, command: str) -> str:
    if not path.is_file():
        raise NoPageError(f"There is no {path} yet. Make it: {command}.")
    return path.resolve().as_uri()
