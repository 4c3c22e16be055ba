"""MLflow's client, in the process that asks it: how it is imported, set up, and opened on a server or a database."""

import os
from functools import cache
from typing import Any

from resources.calls.outside import STARTUP_SECONDS, step
from resources.mlflow.home import MlflowHome

OPENING_SECONDS = 20.0  # MLflow compares the tables of a database that answered with its own, on a busy machine
CREATING_SECONDS = 120.0  # MLflow runs 60 migrations, and half of them are worse than none
DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
OPENED: dict[MlflowHome, tuple[int, int] | None] = {}  # the stores that this process opened: which file each was


class Client:
    """MLflow's client, each of whose calls is a step."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        step()
        return getattr(self._client, name)


def client_at(uri: str, seconds: float, home: MlflowHome | None) -> Client:
    """A client of the tracking server or database; `home` is the lakehouse's own store, if that is it.

    `seconds` are the time for one request.
    """
    import_client(uri, seconds)
    client = _opened(with_driver(uri), seconds, home)
    step()
    return client


def import_client(uri: str, seconds: float) -> None:
    """Import what a client of that server or database will need, which is asked for nothing yet."""
    step(STARTUP_SECONDS)
    configure(seconds)
    import mlflow  # noqa: F401

    if uri.startswith(DATABASES):
        import_all()


def import_all() -> None:
    """Import what MLflow itself imports only when it is needed, in the time for libraries."""
    step(STARTUP_SECONDS)
    import alembic.command  # noqa: F401
    import mlflow.store.model_registry.sqlalchemy_store
    import mlflow.store.tracking.sqlalchemy_store  # noqa: F401


def configure(seconds: float) -> None:
    """Set what MLflow reads from the environment, before it is imported: its own waiting, and nothing on the terminal.

    Its own defaults are 120 s for each of 7 tries.
    """
    os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = str(max(1, round(seconds)))
    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")  # no lines about its tables
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # it would report usage over the network
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")


def with_driver(uri: str) -> str:
    """A database's address for the driver that is installed; SQLAlchemy 2.1 takes psycopg 3 where none is named."""
    return uri.replace("postgresql://", "postgresql+psycopg2://", 1) if uri.startswith("postgresql://") else uri


@cache  # a file in `OPENED` that is gone is not asked for here again: whoever asks starts another process
def _opened(uri: str, seconds: float, home: MlflowHome | None) -> Client:
    from mlflow import MlflowClient

    if uri.startswith(DATABASES):
        if home is not None:
            step(CREATING_SECONDS)
            home.create()
            OPENED[home] = home.identity
            step()
            home.move_here(seconds)
        step()
        step(max(seconds, OPENING_SECONDS) if _has_tables(uri, seconds) else CREATING_SECONDS)
    return Client(MlflowClient(tracking_uri=uri, registry_uri=uri))


def _has_tables(uri: str, seconds: float) -> bool:
    """Whether a database was prepared for MLflow. MLflow itself would wait 101 s for one that is down."""
    import sqlalchemy

    limits = {"postgresql": "connect_timeout", "mysql": "connect_timeout", "sqlite": "timeout"}
    limit = limits.get(sqlalchemy.make_url(uri).get_backend_name())
    arguments = {limit: max(1, round(seconds))} if limit else {}
    engine = sqlalchemy.create_engine(uri, connect_args=arguments, poolclass=sqlalchemy.NullPool)
    with engine.connect():
        return bool(sqlalchemy.inspect(engine).has_table("alembic_version"))
