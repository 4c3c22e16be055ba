"""Which version of events/log the ratings of silver are made with, beside those of the source.

It is noted, so that silver/ratings, its quarantine and the report that counts their rows follow from the same events
while the log grows, also when they are made in different runs.
"""

from dataclasses import asdict, dataclass, field

import pyarrow.dataset as ds

from reco_assets.silver.event_rows import RATED
from reco_assets.tables import EVENTS_LOG, RATING_EVENTS
from resources.documents import DocumentError, read_document
from resources.files import write_json
from resources.tables.files import LakehouseError
from resources.tables.lakehouse import Lakehouse


@dataclass(frozen=True)
class TakenEvents:
    """The version of events/log whose rating events are in silver, where there is one; maintenance keeps it."""

    inputs: dict[str, int] = field(default_factory=dict)

    @property
    def version(self) -> int | None:
        """The version; None: silver is made of no events."""
        return self.inputs.get(EVENTS_LOG.name)


def take_newest(lakehouse: Lakehouse) -> TakenEvents:
    """Note that silver is made with the newest version of the log from now on."""
    version = lakehouse.version(EVENTS_LOG.name) if lakehouse.exists(EVENTS_LOG.name) else None
    taken = TakenEvents({} if version is None else {EVENTS_LOG.name: version})
    if taken != taken_events(lakehouse):
        write_json(lakehouse.root / RATING_EVENTS, asdict(taken))
    return taken


def taken_events(lakehouse: Lakehouse) -> TakenEvents:
    """What was noted last. Raises `LakehouseError` where the note is damaged."""
    try:
        return read_document(lakehouse.root / RATING_EVENTS, TakenEvents)
    except FileNotFoundError:
        return TakenEvents()
    except DocumentError as error:
        raise LakehouseError(f"{error}. Remove the file and clean the ratings again: reco etl.") from None


def count_rating_events(lakehouse: Lakehouse, taken: TakenEvents) -> int:
    """How many rating events were taken. Raises `LakehouseError`."""
    if taken.version is None:
        return 0
    return int(lakehouse.dataset(EVENTS_LOG.name, taken.version).count_rows(filter=ds.field("event_type") == RATED))
