"""Where events come from and go to, and what is made of them."""

from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from resources.settings.group import Group, LocalPath, Name, Positive, PositiveNumber, below


class EventSettings(Group, alias_generator=below("EVENTS_")):
    """The broker (none: events go by files), the data lake, how much one run takes, and how fast trends fade."""

    bootstrap_servers: Annotated[str | None, Field(alias="KAFKA_BOOTSTRAP_SERVERS")] = None
    data_lake_path: Annotated[LocalPath | None, Field(alias="DATA_LAKE_PATH")] = None
    topic_prefix: Name = "reco."
    max_per_run: Positive = 1_000_000
    poll_seconds: PositiveNumber = 5.0
    simulate: Literal["auto", "on", "off"] = "auto"
    trending_half_life_days: Annotated[PositiveNumber, Field(alias="TRENDING_HALF_LIFE_DAYS")] = 7.0

    @cached_property
    def lake(self) -> Path | None:
        """The data lake as an absolute path; None: the folder events of the lakehouse."""
        return self.data_lake_path.expanduser().resolve() if self.data_lake_path else None
