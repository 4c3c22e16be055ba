"""The snapshot that answers now, and what replaces it once another champion serves or a table has changed."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from reco_assets.serving.opening import State, arrays_folder, current_state, open_snapshot
from reco_assets.serving.snapshot import Snapshot
from resources.plain_errors import explain
from resources.tables.lakehouse import Lakehouse


@dataclass
class Current:
    """What a server answers from; a request keeps the snapshot that it began with.

    `failure` says why the newest state can't be served; what served before serves on then.
    """

    lakehouse: Lakehouse
    told: Callable[["Current"], None] = lambda _: None
    snapshot: Snapshot | None = None
    failure: str | None = None
    _state: State | None = field(default=None, repr=False)

    def refresh(self) -> None:
        """Look whether something else is to be served, and open it; `told` hears of a swap and of a new failure."""
        before = replace(self)
        try:
            state = current_state(self.lakehouse)
            if state is not None and state != self._state:
                opened = open_snapshot(self.lakehouse, state, arrays_folder(self.lakehouse))
                self.snapshot, self._state = opened, state
            self.failure = None
        except Exception as error:  # whatever a damaged file raises: nobody would follow on after it
            self.failure = explain(error)
        if self.snapshot is not before.snapshot or self.failure not in (None, before.failure):
            self.told(self)
