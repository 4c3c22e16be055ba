"""Dagster's records of runs and events in sqlite files that stay open while a process works with them.

Dagster itself makes an engine and a connection for every single statement. Of the 9 ms that an event took so, 7 were
SQL compiled anew, and the syncs of the disk with which the last connection to a file closes it; the main job has 400.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy
from dagster import EventLogEntry
from sqlalchemy import Connection, Engine

from resources.orchestrator.dagster_private import SqliteEventLogStorage, SqliteRunStorage

INDEX = "index"  # the file of what is asked for across runs
BUSY_SECONDS = 30  # as Dagster's own: how long one waits for another's transaction


class OpenEvents(SqliteEventLogStorage):
    """Dagster's events in sqlite files, of which that of all runs and that of the newest run asked for stay open."""

    def __init__(self, base_dir: str) -> None:
        self._engines: dict[str, Engine] = {}
        super().__init__(base_dir)

    def store_event(self, event: EventLogEntry) -> None:
        """Store an event, and mark the run's file as changed for who watches it: only its journal is, so far."""
        super().store_event(event)
        os.utime(self.path_for_shard(event.run_id))

    def dispose(self) -> None:
        """Close the files."""
        for engine in self._engines.values():
            engine.dispose()
        super().dispose()

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock, self._engine(shard).begin() as connection:
            yield connection

    def _engine(self, shard: str) -> Engine:
        if shard in self._engines and not os.path.exists(self.path_for_shard(shard)):
            self._engines.pop(shard).dispose()  # another process removed the file: it is made anew
            self._initialized_dbs.discard(shard)
        if shard not in self._engines:
            for other in self._engines.keys() - {INDEX}:
                self._engines.pop(other).dispose()
            self._engines[shard] = engine = _kept_open(self.conn_string_for_shard(shard))
            sqlalchemy.event.listen(engine, "connect", _sync_at_checkpoints)
        if shard not in self._initialized_dbs:
            self._initdb(self._engines[shard])
            self._initialized_dbs.add(shard)
        return self._engines[shard]


class OpenRuns(SqliteRunStorage):
    """Dagster's runs in a sqlite file that stays open."""

    def __init__(self, conn_string: str, inst_data: Any = None) -> None:
        self._engine = _kept_open(conn_string)
        super().__init__(conn_string, inst_data)

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A connection with a transaction that ends with the block."""
        with self._engine.begin() as connection:
            yield connection

    def dispose(self) -> None:
        """Close the file."""
        self._engine.dispose()


def _kept_open(address: str) -> Engine:
    return sqlalchemy.create_engine(address, connect_args={"timeout": BUSY_SECONDS})


def _sync_at_checkpoints(connection: Any, _record: Any) -> None:
    """Without a sync for each commit nothing is lost with a killed process, and no file is damaged with the power.

    The latter holds in WAL mode alone, which Dagster sets when it makes a file.
    """
    connection.execute("PRAGMA synchronous=NORMAL")
