"""What drift reports keep for the next one: arrays under a key that names everything they were made from.

Nothing here is needed: what is lost, damaged or made from something else is counted again from the tables.
"""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from reco_assets.tables import DRIFT_KEPT
from resources.files import staged
from resources.settings import Settings

_FACTS = "facts"


def kept_folder(settings: Settings) -> Path:
    """Where it lies; to remove it costs the next report some seconds."""
    return settings.storage.root / DRIFT_KEPT


def keep(path: Path, arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> None:
    """Write arrays and plain facts, all of them or none."""
    text = np.frombuffer(json.dumps(facts).encode(), np.uint8)
    with staged(path) as temporary, temporary.open("wb") as handle:
        np.savez(handle, allow_pickle=False, **{_FACTS: text, **arrays})


def kept(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
    """What was written; None where there is nothing, or where a checksum does not agree."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        facts: dict[str, Any] = json.loads(arrays.pop(_FACTS).tobytes())
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return arrays, facts
