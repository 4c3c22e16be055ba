"""MLflow as a mirror: what was tried, with which result, and which version serves.

The platform never depends on it: where the server can't be reached, every call warns and returns within seconds, and
after the first such call the others don't ask again.
"""

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from resources.calls.outside import OutsideError, shared_process
from resources.errors import RecoError
from resources.loopback import HOST
from resources.mlflow.home import MlflowHome
from resources.mlflow.shown import RunRecord, VersionRecord
from resources.mlflow.store import CHAMPION, Registry
from resources.settings import Settings
from resources.text.masking import masked

PREVIOUS = "previous"
STORE = "resources.mlflow.store"
LOCAL_PORT = 5000  # of `make mlflow`
LOCAL_PAGES = f"http://{HOST}:{LOCAL_PORT}"


class RegistryError(RecoError):
    """MLflow knows a version but does not have its files; the message says what to do."""


@dataclass
class Circuit:
    """Whether MLflow is still asked: not any more once it did not answer."""

    broken_by: str | None = None


@dataclass(frozen=True)
class MlflowTracking:
    """An experiment and a registered model, both called `name`."""

    settings: Settings
    name: str = "reco_als"
    circuit: Circuit = field(default_factory=Circuit, compare=False, repr=False)

    def named(self, name: str) -> "MlflowTracking":
        """The same place for another experiment and model; where it is away for one, it is for both."""
        return replace(self, name=name)

    @property
    def uri(self) -> str:
        """The tracking server, or a sqlite file in the lakehouse."""
        named = self.settings.mlflow.tracking_uri
        return named.get_secret_value() if named else MlflowHome(self.settings.storage.root).uri

    @property
    def server_pages(self) -> str | None:
        """The address of the tracking server's pages, without a password; None of a store that no server shows."""
        server = urlsplit(self.uri)
        if server.scheme not in ("http", "https"):
            return None
        return f"{server.scheme}://{server.netloc.rpartition('@')[2]}{server.path.rstrip('/')}"

    def page_of(self, run_id: str) -> str:
        """The address of a run's page: on the tracking server, or where `make mlflow` shows the lakehouse's store."""
        return f"{self.server_pages or LOCAL_PAGES}/#/runs/{run_id}"

    @property
    def registry(self) -> Registry:
        """Where it is, and how long it may take to answer."""
        home = None if self.settings.mlflow.tracking_uri else MlflowHome(self.settings.storage.root)
        return Registry(self.uri, self.name, self.settings.mlflow.timeout_seconds, home)

    def begin(self) -> None:
        """Let MLflow's client be imported meanwhile: it takes 1.5 s, and the first who asks would wait for it."""
        shared_process("mlflow").begin(f"{STORE}:prepare", self.registry)

    def log_version(self, record: VersionRecord) -> str | None:
        """Log and register a version as `challenger`; its MLflow run id, or None (with a warning) if MLflow is away."""
        run_id: str | None = self._attempt("log_version", record)
        return run_id

    def log_run(
        self, name: str, params: Mapping[str, Any], metrics: Mapping[str, float], parent: str | None = None
    ) -> str | None:
        """Log a finished run, nested in a parent run where one is given; its id, or None if MLflow is away."""
        run_id: str | None = self._attempt("log_run", RunRecord(name, params, metrics, parent))
        return run_id

    def mark_champion(self, version: str, previous: str | None = None, why: str = "") -> None:
        """Point the alias `champion` at a version, and `previous` at the one before; a warning if MLflow is away.

        Experiment and model say that it serves, and why. A version that serves is nobody's `challenger`.
        """
        said = f"{version} serves{f', after {previous}' if previous else ''}.{f' {why}' if why else ''}"
        self._attempt("set_aliases", {CHAMPION: version} | ({PREVIOUS: previous} if previous else {}), said)

    def tag_version(self, version: str, tags: Mapping[str, str]) -> None:
        """Put tags on a registered version and on its run; a warning if MLflow is away or knows it not."""
        self._attempt("tag_version", version, tags)

    def mark_challenger(self, version: str) -> None:
        """Point the alias `challenger` at the version of an experiment; a warning if MLflow is away."""
        self._attempt("set_challenger", version)

    def fetch_version(self, version: str, folder: Path) -> Path | None:
        """Copy a registered version's files into a folder; None, with a warning, if MLflow is away or knows it not.

        Raises `RegistryError` when the version is registered and its files cannot be had.
        """
        run_id = self._attempt("run_of", version)
        if run_id is None:
            return None
        try:
            return Path(self._ask("fetch_files", run_id, folder))
        except OutsideError as error:
            if error.unreachable:
                self._leave_out(error)
                return None
            raise RegistryError(
                f"{self.name} {version} is registered at {self.uri}, but its files cannot be read back "
                f"({_first_line(error)}). Mend MLflow's artifact store, or register the version again: reco evaluate."
            ) from None

    def require_experiment(self) -> None:
        """Make the experiment where it isn't there. Raises `OutsideError` where MLflow is away, now or before."""
        if self.circuit.broken_by is not None:
            raise OutsideError(self.circuit.broken_by, unreachable=True)
        self._ask("ensure_experiment")

    def _attempt(self, operation: str, *arguments: Any) -> Any:
        """What an operation of the store returns; None, with a warning, where it fails or MLflow is away.

        A mirror that breaks must not break what it mirrors.
        """
        if self.circuit.broken_by is not None:
            _warn(f"MLflow at {self.uri} was left out again: {self.circuit.broken_by}")
            return None
        try:
            return self._ask(operation, *arguments)
        except OutsideError as error:
            self._leave_out(error)
            return None

    def _ask(self, operation: str, *arguments: Any) -> Any:
        process, registry, home = shared_process("mlflow"), self.registry, self.registry.home
        if home is not None and process.call(f"{STORE}:has_open_what_is_gone", home, seconds=registry.seconds):
            process.stop()  # MLflow keeps the file open; else the process is kept, as a new one imports for 1.4 s
        return process.call(f"{STORE}:{operation}", registry, *arguments, seconds=registry.seconds)

    def _leave_out(self, error: OutsideError) -> None:
        if error.unreachable:
            self.circuit.broken_by = _first_line(error)
        _warn(f"MLflow at {self.uri} was left out: {_first_line(error)}")


def _first_line(error: Exception) -> str:
    return json.dumps((str(error) or type(error).__name__).splitlines()[0][:500])


def _warn(text: str) -> None:
    warnings.warn(masked(text), stacklevel=5)
