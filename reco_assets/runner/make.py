"""What a command hands to a function of a room that makes assets on its way: how one run is made and shown."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from reco_assets.runner.run import Outcome
from resources.settings import Settings


class Make(Protocol):
    """A function that makes assets."""

    def __call__(
        self,
        settings: Settings,
        assets: Sequence[str],
        title: str,
        config: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> Outcome:
        """Materialise assets in one run, show how far it is, and hand the result over. Raises `RunFailedError`."""
