"""What may keep the platform from working, looked for before it does: each with what to do, or what is done safely."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from reco_assets.batches.ledger import query
from reco_assets.drift.reports import newest_report, read_report
from reco_assets.models.families import FAMILIES
from reco_assets.models.versions.backup import restore
from reco_assets.models.versions.files import ModelStoreError
from reco_assets.models.versions.store import ModelStore, model_store
from reco_assets.monitoring.pages import DAGIT_PORT
from reco_assets.tables import DECLARED, WITHOUT_ASSET
from reco_assets.version import code_version
from resources.calls.channels import listeners
from resources.dagster_home import HOME
from resources.engine import EngineError, require_java, require_spark
from resources.errors import RecoError
from resources.locking.locks import holders
from resources.loopback import listens
from resources.mlflow.mirror import LOCAL_PORT as MLFLOW_PORT
from resources.plain_errors import explain
from resources.settings import Settings
from resources.spark_jars import JARS, delta_jar_files
from resources.tables.lakehouse import Lakehouse

Status = Literal["ok", "note", "problem"]
LEAST_FREE = 1 << 30  # bytes: a training of 20 million ratings writes half of that
VERSIONS = ("dagster", "deltalake", "pyspark-client", "pyspark", "mlflow-skinny")
PORTS = {DAGIT_PORT: "Dagit", MLFLOW_PORT: "MLflow", 8000: "recommendations over HTTP", 9400: "figures for Prometheus"}


@dataclass(frozen=True)
class Finding:
    """What was looked at, how it is, and what to do about it; `repair` does what can safely be done, and says what."""

    name: str
    status: Status
    said: str
    fix: str = ""
    repair: Callable[[], str] | None = field(default=None, compare=False, repr=False)


def versions(_: Settings) -> Iterator[Finding]:
    """Which code, Python and libraries these are."""
    said = [f"reco-assets {code_version()}", f"Python {sys.version.split()[0]}"]
    for name in VERSIONS:
        try:
            said.append(f"{name} {version(name)}")
        except PackageNotFoundError:  # each environment has one of Spark and its client
            continue
    yield Finding("versions", "ok", ", ".join(said))


def engine(settings: Settings) -> Iterator[Finding]:
    """What Spark needs, where Spark computes."""
    if settings.engine.name != "spark":
        yield Finding("engine", "ok", "embedded: it needs neither Java nor JARs")
        return
    try:
        require_spark()
        if not settings.engine.remote:
            require_java()
    except EngineError as error:
        yield Finding("engine", "problem", *_parts(str(error)))
        return
    yield Finding("engine", "ok", "Spark and its Java are there")
    if not settings.engine.remote:
        missing = [jar.name for jar in delta_jar_files(settings.storage.cache, JARS) if not jar.is_file()]
        said = f"Delta's JARs aren't in {settings.storage.cache} yet" if missing else "Delta's JARs are in the cache"
        fix = "the first session gets them, which needs a network" if missing else ""
        yield Finding("JARs", "note" if missing else "ok", said, fix)


def ports(_: Settings) -> Iterator[Finding]:
    """Which of the usual ports are taken."""
    listening = {port: listens(port) for port in PORTS}
    taken, free = (
        [f"{port} ({PORTS[port]})" for port, is_taken in listening.items() if is_taken is of] for of in (True, False)
    )
    if taken:
        yield Finding(
            "ports", "note", f"something listens on {', '.join(taken)}", "if that isn't ours, take another port"
        )
    if free:
        yield Finding("ports", "ok", f"free: {', '.join(free)}")


def folders(settings: Settings) -> Iterator[Finding]:
    """Whether the platform may write where it must, and what room there is."""
    home = os.environ.get(HOME)
    wanted = {
        "lakehouse": settings.storage.root,
        "streaming folder": settings.storage.landing,
        "cache": settings.storage.cache,
        **({HOME: Path(home)} if home else {}),
    }
    for name, path in wanted.items():
        yield _writable(name, path)
    place = next(path for path in (settings.storage.root, *settings.storage.root.parents) if path.exists())
    free = shutil.disk_usage(place).free
    said = f"{free / (1 << 30):.1f} GiB are free for {settings.storage.root}"
    short = free < LEAST_FREE
    yield Finding("disk", "problem" if short else "ok", said, "free some of it, or set LAKEHOUSE_PATH" if short else "")


def locks(settings: Settings) -> Iterator[Finding]:
    """Who holds what, now."""
    for name, holder in holders(settings.storage.root / "_locks").items():
        fix = "let that process end, or end it; a lock dies with its process"
        yield Finding("lock", "note", f"{name.removesuffix('.lock')} is held by {holder}", fix)


def records(settings: Settings) -> Iterator[Finding]:
    """Whether tables, versions that serve, ledger and newest drift report can be read."""
    for family in FAMILIES:
        yield from _champion(model_store(settings, family), family.name)
    lakehouse = Lakehouse.open(settings)
    tables = [*DECLARED, *WITHOUT_ASSET]
    there = [name for name in tables if lakehouse.exists(name)]
    for name in there:
        yield from _read(name, partial(lakehouse.row_count, name))
    yield Finding("tables", "ok", f"{len(there)} of {len(tables)} are there")
    yield from _read("ledger of batches", lambda: query(settings.storage.root, "SELECT count(*) FROM batches"))
    if newest_report(settings).exists():
        yield from _read("newest drift report", lambda: read_report(settings))


def alerts(settings: Settings) -> Iterator[Finding]:
    """Who hears of failures."""
    if heard := listeners(settings):
        yield Finding("alerts", "ok", f"go to {', '.join(heard)}")
    else:
        yield Finding("alerts", "note", "nobody hears of failures", "set ALERT_URLS, SLACK_BOT_TOKEN or SMTP_HOST")


EXAMINED: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
    versions,
    engine,
    ports,
    folders,
    locks,
    records,
    alerts,
)


def examine(settings: Settings) -> Iterator[Finding]:
    """All that is looked at, in the order of what depends on what. Nothing is changed."""
    for look in EXAMINED:
        try:
            yield from look(settings)
        except Exception as error:  # one look that fails must not hide what others find
            yield Finding(look.__name__, "problem", *_parts(explain(error)))


def _champion(store: ModelStore, family: str) -> Iterator[Finding]:
    named, _ = store.served()
    try:
        champion = store.champion()
        if champion is not None:
            store.verify(champion)
            yield Finding(f"champion of {family}", "ok", f"{champion}: every file is as it was saved")
    except ModelStoreError as error:

        def bring_back() -> str:
            brought = restore(store, named or "")
            return f"{', '.join(brought)} of {named} came back from the backup"

        yield Finding(f"champion of {family}", "problem", *_parts(str(error)), bring_back if named else None)


def _writable(name: str, path: Path) -> Finding:
    if path.exists():
        good = path.is_dir() and os.access(path, os.W_OK | os.X_OK)
        said = f"{path} can {'' if good else 'not '}be written to"
        return Finding(
            name, "ok" if good else "problem", said, "" if good else f"give this user the right: chown {path}"
        )
    above = next(parent for parent in path.parents if parent.exists())
    if not os.access(above, os.W_OK | os.X_OK):
        return Finding(name, "problem", f"{path} can't be made in {above}", f"make it, for this user: mkdir -p {path}")

    def make() -> str:
        path.mkdir(parents=True)
        return f"{path} was made"

    return Finding(name, "note", f"{path} isn't there yet", "the first run makes it", make)


def _read(name: str, read: Callable[[], object]) -> Iterator[Finding]:
    try:
        read()
    except RecoError as error:
        yield Finding(name, "problem", *_parts(str(error)))


def _parts(message: str) -> tuple[str, str]:
    """What is wrong, and what to do, of a message that says both in this order."""
    said, _, fix = message.partition(". ")
    return said, fix
