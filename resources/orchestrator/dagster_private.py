"""Every name that the platform takes from Dagster's private modules: a new version of Dagster is looked through here.

What it overrides in classes of Dagster's stands in `BUILT_ON`, and a test tells which of it reads otherwise.

Nothing else imports from `dagster._…`, as a test says. It takes 0.4 s more than Dagster itself: what must start without
Dagster imports it where it is needed.
"""

from dagster import _cli as dagster_cli
from dagster import _loggers as console_of_runs
from dagster._cli import dev as dagster_dev
from dagster._core.definitions import instigation_logger as console_of_sensors
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph, AssetNode
from dagster._core.definitions.freshness import FreshnessState, FreshnessStateChange
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.events import JobFailureData, RunFailureReason
from dagster._core.execution.plan.objects import ErrorSource
from dagster._core.storage.event_log.sqlite import SqliteEventLogStorage
from dagster._core.storage.runs import SqliteRunStorage, SqlRunStorage
from dagster._core.storage.runs.schema import RunsTable
from dagster._core.storage.runs.sqlite import sqlite_run_storage
from dagster._core.storage.schedules import SqliteScheduleStorage
from dagster._core.storage.sql import get_alembic_config
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._core.storage.tags import GRPC_INFO_TAG, SCHEDULED_EXECUTION_TIME_TAG
from dagster._core.utils import make_new_run_id
from dagster._grpc.client import DagsterGrpcClient
from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult
from dagster._serdes import ConfigurableClassData, deserialize_value

# What `kept_open` builds on inside of Dagster's storages: what it replaces (`_connect`, `connect`) and what it calls;
# `_db_lock` and `_initialized_dbs`, which it uses too, come from `__init__`, the journal's mode from `_initdb`;
# where the consoles are made that `json_logs` replaces.
BUILT_ON = (
    SqliteEventLogStorage.__init__,
    SqliteEventLogStorage._connect,
    SqliteEventLogStorage._initdb,
    SqliteEventLogStorage.path_for_shard,
    SqliteEventLogStorage.conn_string_for_shard,
    SqliteRunStorage.__init__,
    SqliteRunStorage.connect,
    console_of_runs.default_system_loggers,
    console_of_sensors.InstigationLogger.__init__,
)

__all__ = [
    "BUILT_ON",
    "GRPC_INFO_TAG",
    "SCHEDULED_EXECUTION_TIME_TAG",
    "AssetGraph",
    "AssetNode",
    "CanCancelExecutionRequest",
    "CanCancelExecutionResult",
    "ConfigurableClassData",
    "DagsterGrpcClient",
    "DagsterSqliteStorage",
    "DagsterUserCodeUnreachableError",
    "ErrorSource",
    "FreshnessState",
    "FreshnessStateChange",
    "JobFailureData",
    "RunFailureReason",
    "RunsTable",
    "SqlRunStorage",
    "SqliteEventLogStorage",
    "SqliteRunStorage",
    "SqliteScheduleStorage",
    "UnresolvedAssetJobDefinition",
    "console_of_runs",
    "console_of_sensors",
    "dagster_cli",
    "dagster_dev",
    "deserialize_value",
    "get_alembic_config",
    "make_new_run_id",
    "sqlite_run_storage",
]
