"""Where the platform's files are, and how tables are stored."""

import re
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from resources.settings.group import Group, LocalPath, PositiveNumber, below


def _in_a_bucket(value: str) -> str:
    if not re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]+(/[A-Za-z0-9._-]+)*/?", value):
        raise ValueError("a bucket and a folder in it, such as 's3://bucket/lakehouse'")
    return value.rstrip("/")


TablesUri = Annotated[str, AfterValidator(_in_a_bucket)]


class StorageSettings(Group, alias_generator=below("")):
    """Folders and formats; what locks wait for."""

    lakehouse_path: LocalPath = Path("data")
    tables_uri: Annotated[TablesUri | None, Field(alias="LAKEHOUSE_TABLES_URI")] = None
    streaming_path: LocalPath | None = None
    workspace: LocalPath | None = None
    publish_paths: Literal["on", "off"] = "off"
    format: Annotated[Literal["delta", "parquet"], Field(alias="STORAGE_FORMAT")] = "delta"
    lock_timeout_seconds: PositiveNumber = 3600.0
    cache_path: Annotated[LocalPath, Field(alias="RECO_CACHE_PATH")] = Path("~/.cache/reco-assets")

    @cached_property
    def root(self) -> Path:
        """The lakehouse as an absolute path."""
        return self.lakehouse_path.expanduser().resolve()

    @cached_property
    def landing(self) -> Path:
        """The streaming folder, where CSV files with new ratings land, as an absolute path."""
        return self.streaming_path.expanduser().resolve() if self.streaming_path else self.root / "streaming"

    @cached_property
    def workspace_folder(self) -> Path:
        """What the documents call /workspace, as an absolute path: by default the folder that the lakehouse lies in."""
        return self.workspace.expanduser().resolve() if self.workspace else self.root.parent

    @cached_property
    def cache(self) -> Path:
        """Where downloaded JARs and archives are kept."""
        return self.cache_path.expanduser().resolve()
