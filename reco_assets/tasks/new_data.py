"""check_new_data: what there is that the champion was not trained on. Reads logs and small files, starts no engine."""

from dataclasses import asdict, dataclass
from typing import Any

from reco_assets.batches.accepted import waiting_totals
from reco_assets.models.record import ModelRecord
from reco_assets.models.serving import serving_store
from reco_assets.sources.choose import choose_source
from reco_assets.sources.source import LOADED_TS, SourceError
from reco_assets.streaming.landing import landed_files
from reco_assets.tables import SILVER_RATINGS, TRAIN_RATINGS
from resources.settings import Settings
from resources.tables.lakehouse import Lakehouse
from resources.tables.log import read_log

LOADED = "bronze/ratings"


@dataclass(frozen=True)
class Growth:
    """A table now, and as it was when the champion was trained: Delta versions (None: it has none) and rows.

    What can't be known any more, or never was, is None; without a champion every row is new.
    """

    version: int | None
    rows: int
    champion_version: int | None
    champion_rows: int | None
    new_rows: int | None


def check_new_data(settings: Settings) -> dict[str, Any]:
    """What is new since the champion was trained: table rows, waiting batches, landed files, changed source files.

    The answer is an object of JSON in any case; `has_new_data` and `summary` say it in short.
    """
    lakehouse = Lakehouse.open(settings)
    champion = serving_store(settings).champion()
    record = serving_store(settings).record(champion) if champion else None
    tables = _growth(lakehouse, record)
    waits = waiting_totals(lakehouse)
    landed, changed = len(landed_files(settings.storage.landing)), _changed_source_files(lakehouse)
    news = [
        *([] if lakehouse.exists(LOADED) else [f"{LOADED} is not loaded yet"]),
        *(_line(name, found) for name, found in tables.items() if found.new_rows),
        *([f"waiting batches: {waits.batches}, of {waits.rows:,} ratings"] if waits.batches else []),
        *([f"files in {settings.storage.landing}: {landed}"] if landed else []),
        *([f"{', '.join(changed)}: newer than what was loaded"] if changed else []),
    ]
    since = f"since champion {champion} was trained" if champion else "and no champion yet"
    return {
        "has_new_data": bool(news),
        "summary": f"{'; '.join(news) or 'Nothing new'} {since}.",
        "champion": champion,
        "tables": {name: asdict(found) for name, found in tables.items()},
        "waiting": asdict(waits),
        "landed_files": landed,
        "changed_source_files": changed,
    }


def _growth(lakehouse: Lakehouse, record: ModelRecord | None) -> dict[str, Growth]:
    """The training ratings, and the history they are split from; a table that isn't there has nothing to say."""
    trained_on = record.delta_version(TRAIN_RATINGS.name) if record else None
    found = {}
    for name in (TRAIN_RATINGS.name, SILVER_RATINGS.name):
        if lakehouse.exists(name):
            version, rows = lakehouse.version(name), lakehouse.row_count(name)
            before = trained_on if name == TRAIN_RATINGS.name else _history_of(lakehouse, trained_on)
            then = _rows_of_training(record, name) if before is None else lakehouse.row_count(name, before)
            known = rows if record is None else None if then is None else rows - then
            found[name] = Growth(version, rows, before, then, known)
    return found


def _rows_of_training(record: ModelRecord | None, table: str) -> int | None:
    """Without Delta versions a model still says how many ratings it was trained on."""
    return record.train_count if record and table == TRAIN_RATINGS.name else None


def _history_of(lakehouse: Lakehouse, trained_on: int | None) -> int | None:
    """The version of silver/ratings when that version of the training ratings was committed.

    A model doesn't name it, as it reads the training ratings alone; None when either log no longer goes back so far.
    """
    if trained_on is None:
        return None
    made = _commits(lakehouse, TRAIN_RATINGS.name).get(trained_on)
    before = [version for version, at in _commits(lakehouse, SILVER_RATINGS.name).items() if made and at <= made]
    return max(before, default=None)


def _commits(lakehouse: Lakehouse, table: str) -> dict[int, int]:
    """When each version was committed, in Unix milliseconds; nothing of a parquet table."""
    return {} if lakehouse.version(table) is None else read_log(lakehouse, table).commits()


def _changed_source_files(lakehouse: Lakehouse) -> list[str]:
    """The source's files that were written, or put there, after they were loaded."""
    if not lakehouse.exists(LOADED):
        return []
    first = lakehouse.dataset(LOADED).head(1, columns=[LOADED_TS]).to_pylist()
    loaded = first[0][LOADED_TS].timestamp() if first else 0.0
    try:
        files = choose_source(lakehouse.settings).files
    except SourceError:  # where they came from is gone or not on record: nothing there can be newer
        return []
    # The time of the inode: a file that is copied or unpacked may keep an older time of its content.
    return [path.name for path in files if path.is_file() and path.stat().st_ctime > loaded]


def _line(table: str, found: Growth) -> str:
    change = f"{abs(found.new_rows or 0):,} rows {'more' if (found.new_rows or 0) > 0 else 'fewer'}"
    return f"{table}: {change}"
