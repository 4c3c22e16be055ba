"""What the platform does in MLflow, run in a process beside it (`resources/calls/outside.py`), step by step.

Every step, one request or one file, has its own time. What belongs here: MLflow's client and its sqlite file. What
doesn't: what to do when MLflow is away.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from resources.calls.outside import step
from resources.mlflow.client import OPENED, Client, client_at, import_client
from resources.mlflow.home import MlflowHome
from resources.mlflow.shown import NOTE, RunRecord, VersionRecord, datasets_of, shown_in

CHAMPION, CHALLENGER = "champion", "challenger"
OF_MODELS = {"mlflow.experimentKind": "custom_model_development"}  # else its pages are those for language models
FILES = "model"  # the folder of a version's files among its run's artifacts
SLOWEST_BYTES_PER_SECOND = 1_000_000  # a file has a second more for each


@dataclass(frozen=True)
class Registry:
    """An experiment and a registered model, both called `name`; `home` is the lakehouse's own store, if that is it."""

    uri: str = field(repr=False)
    name: str
    seconds: float
    home: MlflowHome | None


def prepare(registry: Registry) -> None:
    """Import MLflow's client, and open the lakehouse's own store; a server is asked for nothing."""
    if registry.home is None:
        import_client(registry.uri, registry.seconds)
    else:
        _client(registry)


def has_open_what_is_gone(home: MlflowHome) -> bool:
    """Whether this process opened a lakehouse's store that was removed since, or replaced by another."""
    return home in OPENED and OPENED[home] != home.identity


def log_version(registry: Registry, record: VersionRecord) -> str:
    """Log and register a version, as `challenger` unless it serves; its MLflow run id."""
    client = _client(registry)
    with _run(client, registry, _run_of(record)) as run_id:
        for path in sorted(path for path in record.model_folder.rglob("*") if path.is_file()):
            folder = Path(FILES) / path.relative_to(record.model_folder).parent
            _log_file(client, registry, run_id, path, folder.as_posix())
        for document in record.documents:
            _log_file(client, registry, run_id, document)
        _register(client, registry.name, record, run_id)
    return run_id


def _run_of(record: VersionRecord) -> RunRecord:
    return RunRecord(record.version, record.params, record.metrics, run_id=record.run_id, said=record.said)


def log_run(registry: Registry, record: RunRecord) -> str:
    """Log a finished run; its id."""
    with _run(_client(registry), registry, record) as run_id:
        return run_id


def set_aliases(registry: Registry, aliases: Mapping[str, str], why: str) -> None:
    """Point aliases at versions, and say on both pages who serves and why; one that serves is nobody's challenger.

    Raises `LookupError` for an unknown one.
    """
    client, name = _client(registry), registry.name
    for alias, version in aliases.items():
        client.set_registered_model_alias(name, alias, _registered(client, name, version).version)
    if _aliases(client, name).get(CHALLENGER) == aliases[CHAMPION]:
        client.delete_registered_model_alias(name, CHALLENGER)
    client.update_registered_model(name, why)
    client.set_experiment_tag(_experiment(client, registry), NOTE, why)


def tag_version(registry: Registry, version: str, tags: Mapping[str, str]) -> None:
    """Put tags on a version and on its run, in place of those of the same names. Raises `LookupError`."""
    client = _client(registry)
    found = _registered(client, registry.name, version)
    for tag, value in tags.items():
        client.set_model_version_tag(registry.name, found.version, tag, value)
        client.set_tag(found.run_id, tag, value)


def set_challenger(registry: Registry, version: str) -> None:
    """Point the alias `challenger` at a version. Raises `LookupError` for an unknown one."""
    client, name = _client(registry), registry.name
    client.set_registered_model_alias(name, CHALLENGER, _registered(client, name, version).version)


def run_of(registry: Registry, version: str) -> str:
    """The run that registered a version last. Raises `LookupError`."""
    return str(_registered(_client(registry), registry.name, version).run_id)


def fetch_files(registry: Registry, run_id: str, folder: Path) -> Path:
    """Copy the files of a version from its run's artifacts into a folder; returns where they are."""
    client, parts = _client(registry), folder / ".parts"
    parts.mkdir()
    waiting, fetched = [FILES], None
    while waiting:
        for entry in client.list_artifacts(run_id, waiting.pop()):
            if entry.is_dir:
                waiting.append(entry.path)
                continue
            fetched = target = folder / entry.path
            target.parent.mkdir(parents=True, exist_ok=True)
            # Where below a folder MLflow puts a single file depends on the kind of artifact store.
            _fetch_file(client, registry, run_id, entry, parts).replace(target)
    if fetched is None:
        raise FileNotFoundError(f"run {run_id} has no artifacts in {FILES}")
    return folder / FILES


def ensure_experiment(registry: Registry) -> str:
    """The experiment's id; it is made where it isn't there."""
    return _experiment(_client(registry), registry)


def _client(registry: Registry) -> Client:
    return client_at(registry.uri, registry.seconds, registry.home)


@contextmanager
def _run(client: Client, registry: Registry, record: RunRecord) -> Iterator[str]:
    """A run with its parameters and metrics, which ends with the block: as failed, where that raises."""
    known = _params_of(client, record.run_id) if record.run_id else None
    if record.run_id and known is not None:
        run_id = record.run_id
        client.update_run(run_id, "RUNNING")
    else:
        tags = {"mlflow.parentRunId": record.parent} if record.parent else None
        run_id = str(client.create_run(_experiment(client, registry), run_name=record.name, tags=tags).info.run_id)
    status = "FAILED"
    try:
        # A parameter can't be changed: what was trained with stays, whatever the settings say by now.
        params = {name: value for name, value in record.params.items() if name not in (known or {})}
        client.log_batch(run_id, *shown_in(record, params))
        if record.said.inputs:
            client.log_inputs(run_id, datasets_of(record.said))
        yield run_id
        status = "FINISHED"
    finally:
        client.set_terminated(run_id, status)


def _params_of(client: Client, run_id: str) -> Mapping[str, str] | None:
    """The parameters of a run; None where there is no such run."""
    from mlflow.exceptions import MlflowException

    try:
        found: Mapping[str, str] = client.get_run(run_id).data.params
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return None
        raise
    return found


def _log_file(client: Client, registry: Registry, run_id: str, path: Path, folder: str | None = None) -> None:
    log_artifact = client.log_artifact  # first, as looking it up begins a step of the usual time
    step(_time_for(registry, path.stat().st_size))
    log_artifact(run_id, str(path), folder)


def _fetch_file(client: Client, registry: Registry, run_id: str, entry: Any, folder: Path) -> Path:
    download = client.download_artifacts  # first, as looking it up begins a step of the usual time
    step(_time_for(registry, entry.file_size or 0))
    return Path(download(run_id, entry.path, str(folder)))


def _time_for(registry: Registry, size: int) -> float:
    return registry.seconds + size / SLOWEST_BYTES_PER_SECOND


def _experiment(client: Client, registry: Registry) -> str:
    found = client.get_experiment_by_name(registry.name)
    if found is not None:
        if registry.home is not None:
            registry.home.require_here(found.artifact_location)
        for tag, value in OF_MODELS.items() - found.tags.items():  # it was made by an earlier release, or by hand
            client.set_experiment_tag(found.experiment_id, tag, value)
        return str(found.experiment_id)
    local = None if registry.home is None else registry.home.artifacts.as_uri()
    return str(client.create_experiment(registry.name, artifact_location=local, tags=OF_MODELS))


def _register(client: Client, name: str, record: VersionRecord, run_id: str) -> None:
    from mlflow.exceptions import MlflowException

    with suppress(MlflowException):  # registered by an earlier version
        client.create_registered_model(name)
    source = f"{client.get_run(run_id).info.artifact_uri}/{FILES}"
    tags = {**record.said.tags, "version": record.version}
    made = client.create_model_version(name, source, run_id, tags=tags, description=record.said.description or None)
    if _aliases(client, name).get(CHAMPION) != record.version:  # the champion may be judged and registered anew
        client.set_registered_model_alias(name, CHALLENGER, made.version)


def _aliases(client: Client, name: str) -> dict[str, str]:
    """The platform's version behind each alias."""
    numbers = client.get_registered_model(name).aliases
    return {alias: client.get_model_version(name, number).tags.get("version", "") for alias, number in numbers.items()}


def _registered(client: Client, name: str, version: str) -> Any:
    """The newest registration of a version. Raises `LookupError`."""
    found = client.search_model_versions(f"name='{name}' and tags.version='{version}'")
    if not found:
        raise LookupError(f"version {version} is not registered in MLflow")
    return max(found, key=lambda each: int(each.version))
