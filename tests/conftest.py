"""One engine session for the whole run, and a temporary lakehouse for each test.

RECO_ENGINE decides the engine; `tests/run.sh` runs the suite on the embedded one and the tests marked
`both_engines` again on Spark.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from resources.lakehouse import Lakehouse
from resources.session import Engine
from resources.settings import Settings, load_settings

MOVIELENS = Path(__file__).resolve().parents[2] / "shared" / "data" / "ml-latest-small"
PLATFORM_VARIABLES = {name.upper() for name in Settings.model_fields} - {"RECO_ENGINE", "RECO_CACHE_PATH"}


@pytest.fixture(autouse=True, scope="session")
def _no_settings_from_outside() -> None:
    for name in PLATFORM_VARIABLES & os.environ.keys():
        del os.environ[name]


@pytest.fixture(scope="session")
def engine(_no_settings_from_outside: None) -> Iterator[Engine]:
    engine = Engine(load_settings())
    yield engine
    engine.stop()


@pytest.fixture(scope="session")
def spark(engine: Engine) -> Any:
    return engine.session


@pytest.fixture
def make_lakehouse(tmp_path: Path, engine: Engine) -> Callable[..., Lakehouse]:
    """Make a lakehouse in the test's own folder, with settings as keyword arguments."""

    def make(**settings: Any) -> Lakehouse:
        return Lakehouse(load_settings(lakehouse_path=tmp_path / "lake", **settings), engine)

    return make


@pytest.fixture
def lakehouse(make_lakehouse: Callable[..., Lakehouse]) -> Lakehouse:
    return make_lakehouse()


@pytest.fixture(scope="session")
def movielens() -> Path:
    """The real ml-latest-small folder; tests that need it are skipped where it is not."""
    if not MOVIELENS.is_dir():
        pytest.skip(f"ml-latest-small is not at {MOVIELENS}: put it there to run this test")
    return MOVIELENS
