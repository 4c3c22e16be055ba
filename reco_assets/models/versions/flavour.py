"""What lets `mlflow.pyfunc.load_model` load a version: MLflow's own description of it, written without MLflow.

MLflow's Python takes 1.5 s to import, and all that it would add to this file is what is written here.
"""

import json
import platform
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import yaml

from resources.files import write_json, write_text_atomically

FLAVOUR_FILE, EXAMPLE_FILE = "MLmodel", "input_example.json"
LOADER = "reco_assets.models.pyfunc"
_INPUTS = [
    {"name": "user_id", "type": "long", "required": True},
    {"name": "seen", "type": "array", "items": {"type": "long"}, "required": False},
]
_OUTPUTS = [
    {"name": "user_id", "type": "integer", "required": True},
    {"name": "rank", "type": "integer", "required": True},
    {"name": "movie_id", "type": "integer", "required": True},
    {"name": "score", "type": "float", "required": True},
]
LIST_LENGTH = 10
# What MLflow's pages show of how a model is asked. Its user and movies are nobody's in particular.
_EXAMPLE = {"columns": ["user_id", "seen"], "data": [[1, [1, 2]], [2, []]]}
_PARAMETERS = [{"name": "n", "type": "long", "default": LIST_LENGTH, "shape": None}]


def write_flavour(folder: Path, family: str, version: str, inputs: Mapping[str, Any]) -> None:
    """Describe a version in its folder: how it is loaded and asked, what it takes and gives, what it was trained on.

    Args:
        folder: The version's.
        family: The name of its family.
        version: Its name.
        inputs: The Delta version of each table that it was trained on, or the path where it was no table.
    """
    signature = {"inputs": _INPUTS, "outputs": _OUTPUTS, "params": _PARAMETERS}
    document = {
        "flavors": {"python_function": {"loader_module": LOADER, "python_version": platform.python_version()}},
        "metadata": {"family": family, "version": version, "delta_inputs": dict(inputs)},
        "mlflow_version": installed("mlflow-skinny"),
        "model_uuid": uuid.uuid4().hex,
        "saved_input_example_info": {
            "artifact_path": EXAMPLE_FILE,
            "pandas_orient": "split",
            "type": "dataframe",
        },
        "signature": {name: json.dumps(part) for name, part in signature.items()},
        "utc_time_created": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f"),
    }
    write_json(folder / EXAMPLE_FILE, _EXAMPLE)
    write_text_atomically(folder / FLAVOUR_FILE, yaml.safe_dump(document))


def family_of(folder: Path) -> str:
    """The name of the family that a version's description says it is of."""
    document = yaml.safe_load((folder / FLAVOUR_FILE).read_text(encoding="utf-8"))
    return str(document["metadata"]["family"])
