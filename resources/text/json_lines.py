"""Log records as JSON, one object a line, whether Dagster logs them or Python."""

import json
import logging
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

BATCH = "batch"
META, EVENT = "dagster_meta", "dagster_event"  # what Dagster hangs on a record


class JsonLines(logging.Formatter):
    """A record as one line: timestamp (UTC), level, logger, message; event, run_id, job, step, asset, sensor, batch and
    error where they are known. `batch` is a list of ids.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        meta: Mapping[str, Any] = getattr(record, META, None) or {}
        event = meta.get(EVENT)
        key = event.asset_key if event is not None else None
        line = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": meta.get("orig_message") or record.getMessage(),
            "event": event.event_type_value if event is not None else None,
            "run_id": meta.get("run_id"),
            "job": meta.get("job_name"),
            "step": meta.get("step_key"),
            "asset": key.to_user_string() if key is not None else None,
            "sensor": meta.get("name"),
            BATCH: getattr(record, BATCH, None),
            "error": _error(record, event),
        }
        return json.dumps({name: value for name, value in line.items() if value not in (None, [])}, ensure_ascii=False)


def of_batches(batches: Iterable[str]) -> dict[str, list[str]]:
    """What a log call takes as `extra` so that its line names these batches."""
    return {BATCH: list(batches)}


def json_console(name: str, level: str | int) -> logging.Logger:
    """A logger of its own that writes JSON lines to standard error."""
    logger = logging.Logger(name, level)
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logger.addHandler(handler)
    return logger


def _error(record: logging.LogRecord, event: Any) -> str | None:
    if record.exc_info:
        return logging.Formatter().formatException(record.exc_info)
    error = getattr(event.event_specific_data, "error", None) if event is not None else None
    return error.to_string() if error is not None else None
