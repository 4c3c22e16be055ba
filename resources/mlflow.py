"""MLflow as a mirror: what was tried, with which result, and which version serves.

The platform never depends on it: where the server can't be reached, every call warns and returns within seconds.
dagster-mlflow is not used: its resource is beta and leaves a run RUNNING unless a hook ends it.
"""

import json
import os
import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from resources.errors import RecoError
from resources.settings import Settings

CHAMPION, PREVIOUS, CHALLENGER = "champion", "previous", "challenger"
FILES = "model"  # the folder of a version's files among its run's artifacts

T = TypeVar("T")


class RegistryError(RecoError):
    """MLflow knows a version but does not have its files; the message says what to do."""


@dataclass(frozen=True)
class VersionRecord:
    """One model version as MLflow shows it: flat parameters and metrics, and the files to keep."""

    version: str
    params: Mapping[str, Any]
    metrics: Mapping[str, float]
    model_folder: Path
    documents: tuple[Path, ...] = ()


@dataclass(frozen=True)
class MlflowTracking:
    """An experiment and a registered model, both called `name`."""

    settings: Settings
    name: str = "reco_als"

    @property
    def uri(self) -> str:
        """The tracking server, or a sqlite file in the lakehouse."""
        return self.settings.mlflow_tracking_uri or f"sqlite:///{self._home / 'mlflow.db'}"

    def log_version(self, record: VersionRecord) -> str | None:
        """Log and register a version as `challenger`; its MLflow run id, or None (with a warning) if MLflow is away."""
        return self._attempt(lambda: self._log_version(record))

    def log_run(
        self, name: str, params: Mapping[str, Any], metrics: Mapping[str, float], parent: str | None = None
    ) -> str | None:
        """Log a finished run, nested in a parent run where one is given; its id, or None if MLflow is away."""
        return self._attempt(lambda: self._log_run(name, params, metrics, parent))

    def mark_champion(self, version: str, previous: str | None = None) -> None:
        """Point the alias `champion` at a version, and `previous` at the one before; a warning if MLflow is away.

        A version that serves is nobody's `challenger`.
        """
        aliases = {CHAMPION: version} | ({PREVIOUS: previous} if previous else {})
        self._attempt(lambda: self._set_aliases(aliases))

    def fetch_version(self, version: str, folder: Path) -> Path | None:
        """Copy a registered version's files into a folder; None, with a warning, if MLflow is away or knows it not.

        Raises `RegistryError` when the version is registered and its files cannot be had.
        """
        run_id: str | None = self._attempt(lambda: str(self._registered(self._client(), version).run_id))
        if run_id is None:
            return None
        try:
            return Path(self._client().download_artifacts(run_id, FILES, str(folder)))
        except Exception as error:
            raise RegistryError(
                f"{self.name} {version} is registered at {self.uri}, but its files cannot be read back "
                f"({_first_line(error)}). Mend MLflow's artifact store, or register the version again: reco evaluate."
            ) from None

    @property
    def _home(self) -> Path:
        return self.settings.root / "mlflow"

    def _client(self) -> Any:
        # MLflow's own defaults, 120 s and 7 retries, would hold a training run up for minutes.
        os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = str(max(1, round(self.settings.mlflow_timeout_seconds)))
        os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "1"
        os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")  # no lines about its tables on the terminal
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # it would report usage over the network
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        if not self.settings.mlflow_tracking_uri:
            self._home.mkdir(parents=True, exist_ok=True)
        from mlflow import MlflowClient

        return MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)

    def _log_version(self, record: VersionRecord) -> str:
        client = self._client()
        run_id: str = client.create_run(self._experiment(client), run_name=record.version).info.run_id
        status = "FAILED"
        try:
            self._log_numbers(client, run_id, record.params, record.metrics)
            client.log_artifacts(run_id, str(record.model_folder), FILES)
            for document in record.documents:
                client.log_artifact(run_id, str(document))
            self._register(client, record, run_id)
            status = "FINISHED"
        finally:
            client.set_terminated(run_id, status)
        return run_id

    def _log_run(self, name: str, params: Mapping[str, Any], metrics: Mapping[str, float], parent: str | None) -> str:
        client = self._client()
        tags = {"mlflow.parentRunId": parent} if parent else None
        run_id: str = client.create_run(self._experiment(client), run_name=name, tags=tags).info.run_id
        status = "FAILED"
        try:
            self._log_numbers(client, run_id, params, metrics)
            status = "FINISHED"
        finally:
            client.set_terminated(run_id, status)
        return run_id

    def _log_numbers(self, client: Any, run_id: str, params: Mapping[str, Any], metrics: Mapping[str, float]) -> None:
        from mlflow.entities import Metric, Param

        now = int(time.time() * 1000)
        logged = [Metric(key, value, now, 0) for key, value in metrics.items()]
        client.log_batch(run_id, logged, [Param(key, str(value)) for key, value in params.items()])

    def _experiment(self, client: Any) -> str:
        found = client.get_experiment_by_name(self.name)
        if found is not None:
            return str(found.experiment_id)
        local = None if self.settings.mlflow_tracking_uri else (self._home / "artifacts").as_uri()
        return str(client.create_experiment(self.name, artifact_location=local))

    def _register(self, client: Any, record: VersionRecord, run_id: str) -> None:
        from mlflow.exceptions import MlflowException

        with suppress(MlflowException):  # registered by an earlier version
            client.create_registered_model(self.name)
        source = f"{client.get_run(run_id).info.artifact_uri}/{FILES}"
        made = client.create_model_version(self.name, source, run_id, tags={"version": record.version})
        if self._aliases(client).get(CHAMPION) != record.version:  # the champion may be judged and registered anew
            client.set_registered_model_alias(self.name, CHALLENGER, made.version)

    def _set_aliases(self, aliases: Mapping[str, str]) -> None:
        client = self._client()
        for alias, version in aliases.items():
            client.set_registered_model_alias(self.name, alias, self._registered(client, version).version)
        if self._aliases(client).get(CHALLENGER) == aliases[CHAMPION]:
            client.delete_registered_model_alias(self.name, CHALLENGER)

    def _aliases(self, client: Any) -> dict[str, str]:
        """The platform's version behind each alias."""
        numbers = client.get_registered_model(self.name).aliases
        return {
            alias: client.get_model_version(self.name, number).tags.get("version", "")
            for alias, number in numbers.items()
        }

    def _registered(self, client: Any, version: str) -> Any:
        """The newest registration of a version. Raises `LookupError`."""
        found = client.search_model_versions(f"name='{self.name}' and tags.version='{version}'")
        if not found:
            raise LookupError(f"version {version} is not registered in MLflow")
        return max(found, key=lambda each: int(each.version))

    def _attempt(self, action: Callable[[], T]) -> T | None:
        try:
            return action()
        except Exception as error:  # a mirror that breaks must not break what it mirrors
            warnings.warn(f"MLflow at {self.uri} was left out: {_first_line(error)}", stacklevel=3)
            return None


def _first_line(error: Exception) -> str:
    return json.dumps((str(error) or type(error).__name__).splitlines()[0][:300])
