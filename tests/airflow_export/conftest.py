from collections.abc import Callable
from pathlib import Path

import pytest

from reco_assets.airflow_export.render import export_files
from reco_assets.airflow_export.spec import DAG_SPECS
from resources.settings import load_settings


@pytest.fixture(scope="session")
def all_files() -> dict[str, str]:
    """The export of every documented DAG."""
    return export_files(load_settings(), DAG_SPECS)


@pytest.fixture
def write_all(tmp_path: Path) -> Callable[[dict[str, str]], Path]:
    def write(files: dict[str, str]) -> Path:
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return tmp_path

    return write
