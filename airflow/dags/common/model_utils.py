# Exported by `reco airflow export`.
"""Model versions as folders on disk: which are complete, and which is the newest.

Standard library only: the Airflow export carries this file as `common/model_utils.py`.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from os import PathLike
from pathlib import Path

MODEL_FILE = "model.json"  # written last: it is what makes a version exist
REQUIRED_FILES = ("user_factors.parquet", "item_factors.parquet", MODEL_FILE)  # of the ALS model, whom documents mean
_VERSION = re.compile(r"(?:version_)?(\d{8}_\d{6})(?:_([1-9]\d{0,5}))?")  # _2, _3 …: made in the same second


class ModelVersionError(ValueError):
    """There is no complete model version; the message names the folder and what is missing there."""


def began(version: str) -> float | None:
    """When the training of a version began, by its name, in Unix seconds; None where the name doesn't say it."""
    named = _VERSION.fullmatch(version)
    try:
        return datetime.strptime(f"{named[1]}+0000", "%Y%m%d_%H%M%S%z").timestamp() if named else None
    except ValueError:  # digits, but of no day
        return None


def get_latest_model_version_from_path(path: str | PathLike[str], required: Sequence[str] = REQUIRED_FILES) -> str:
    """The folder of the newest complete version below a folder. Raises `ModelVersionError` when there is none."""
    folders = complete_versions(path, required)
    if not folders:
        raise ModelVersionError(f"{Path(path)} holds no model yet, or none that is complete. Train one: reco train.")
    return str(folders[-1])


def complete_versions(path: str | PathLike[str], required: Sequence[str] = REQUIRED_FILES) -> list[Path]:
    """The versions below a folder that have the required files, oldest first; a link is none.

    Their names are `YYYYmmdd_HHMMSS` or `version_YYYYmmdd_HHMMSS`, with `_2`, `_3` … behind it for those made later
    in the same second.
    """
    folders = (folder for folder in Path(path).glob("*") if not folder.is_symlink())
    whole = (folder for folder in folders if not missing_files(folder, required))
    named = ((_VERSION.fullmatch(folder.name), folder) for folder in whole)
    stamped = sorted((name[1], int(name[2] or 1), folder) for name, folder in named if name is not None)
    return [folder for _, _, folder in stamped]


def validate_model_version(path: str | PathLike[str], required: Sequence[str] = REQUIRED_FILES) -> bool:
    """True for a complete version folder. Raises `ModelVersionError` that says what is missing."""
    if missing := missing_files(path, required):
        raise ModelVersionError(
            f"{Path(path)} is no complete model version: {', '.join(missing)} missing. Train it again: reco train."
        )
    return True


def missing_files(path: str | PathLike[str], required: Sequence[str] = REQUIRED_FILES) -> list[str]:
    """The files that a version folder must have and this one has not; a Parquet file may be a folder of its parts."""
    return [name for name in required if not _is_there(Path(path) / name)]


def _is_there(path: Path) -> bool:
    """Whether there is a file, or a folder with a file in parts."""
    return path.is_file() or (path.suffix == ".parquet" and any(path.glob("*.parquet")))
