"""Bronze assets: `ratings`, `movies` and `tags` as the source has them, typed; nothing dropped, nothing changed."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from reco_assets.bronze.forgotten import without_forgotten
from reco_assets.sources.choose import choose_place, open_source, require_same_source
from reco_assets.sources.kept_ids import NOTE as TEXT_IDS
from reco_assets.sources.kept_ids import numbered
from reco_assets.sources.remembered import NOTE, recall, remember, remembered_as
from reco_assets.sources.source import SourceError, read_raw
from reco_assets.sources.unreadable import watched, with_rows
from reco_assets.tables import HEAVY_POOL
from reco_assets.tombstones import read_tombstones
from resources.tables.lakehouse import Lakehouse

LOCK = "bronze/source"
_DESCRIPTIONS = {
    "ratings": "Raw ratings, typed; beside each its file, its line, when it was loaded and, if it is odd, its text.",
    "movies": "Raw movies, typed as ratings are; empty where the source names none.",
    "tags": "Raw tags, typed as ratings are; empty where the source has none.",
}


def _out(description: str) -> dg.AssetOut:
    return dg.AssetOut(
        key_prefix="bronze",
        group_name="bronze",
        description=description,
        kinds={"delta"},
        is_required=False,
    )


class BronzeConfig(dg.Config):
    """Whether the run may replace what the lakehouse was loaded from by another source."""

    replace_source: bool = False


@dg.multi_asset(outs={name: _out(text) for name, text in _DESCRIPTIONS.items()}, can_subset=True, pool=HEAVY_POOL)
def bronze(
    context: dg.AssetExecutionContext, config: BronzeConfig, lakehouse: dg.ResourceParam[Lakehouse]
) -> Iterator[dg.Output]:
    """Load the source's files; another source than the lakehouse was loaded from is refused unless it may be replaced.

    One step for all three, so that a refused file leaves every table as it was: movies and tags, which are small,
    are read whole before ratings, which are streamed, replace anything. Refused is a file whose structure is damaged,
    or of which too many rows break a rule.
    """
    settings = lakehouse.settings
    if config.replace_source:
        settings = settings.changed(reco_replace_source="on")
    with lakehouse.lock(LOCK):  # of two first runs from different sources, one finds the other's
        place = choose_place(settings)
        require_same_source(settings, place)
        source, ids = numbered(lakehouse, open_source(settings, place))
        if read_as := "; ".join(filter(None, [source.said, ids.said])):
            context.log.info("%s: %s", place, read_as)
        loaded = remembered_as(settings.storage.root, place.kind, place.folder)
        files = {name: path for path in source.files for name in (path.name, path.name.removesuffix(".gz"))}
        limit = settings.quality.quarantine_max_share
        ratings = with_rows(source.ratings, source.files[0] if source.files else source.name)
        gone = read_tombstones(settings.storage.root)
        ratings, tags = without_forgotten(ratings, gone), without_forgotten(source.tags, gone)
        raw = {"ratings": ratings, "movies": source.movies, "tags": tags}
        tables = {name: watched(table, files, limit, datetime.now(UTC)) for name, table in raw.items()}
        wanted = [name for name in tables if dg.AssetKey(["bronze", name]) in context.selected_asset_keys]
        if len(wanted) < len(tables) and recall(settings.storage.root) not in (None, loaded):
            rule = f"{', '.join(wanted)} alone cannot come from {place}, another source than the rest"
            fix = "Select bronze/ratings, bronze/movies and bronze/tags."
            raise SourceError(settings.storage.root, None, rule, fix)
        note = {NOTE: loaded.model_dump_json(), TEXT_IDS: ",".join(ids.texts)}
        whole = {name: read_raw(tables[name], note).read_all() for name in wanted if name != "ratings"}
        metadata: dict[str, Any] = {"source": source.name, "files": [str(path) for path in source.files]}
        if read_as:
            metadata["read_as"] = read_as
        for name in wanted:
            made = whole[name] if name in whole else read_raw(tables[name], note)
            yield dg.Output(made, output_name=name, metadata=metadata)
        remember(settings.storage.root, loaded)
