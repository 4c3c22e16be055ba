"""Where the feature store is."""

from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import Field

from resources.settings.group import Group, LocalPath, Positive, below


class FeatureSettings(Group, alias_generator=below("FEATURE_")):
    """The DuckDB file that readers open, and how many versions of it stay beside it."""

    store_path: LocalPath | None = None
    versions_kept: Annotated[Positive, Field(alias="FEATURE_VERSIONS_KEPT")] = 5

    @cached_property
    def store(self) -> Path | None:
        """The store as an absolute path; None: features/feature_store.duckdb of the lakehouse."""
        if self.store_path is None:
            return None
        given = self.store_path.expanduser()
        return given.parent.resolve() / given.name  # the file is a link to the newest version
