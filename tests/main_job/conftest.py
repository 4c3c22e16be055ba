"""The main job, run once on the ratings of the end-to-end tests and on the engine of the whole test run."""

from typing import TYPE_CHECKING

import pytest

from reco_assets.build import build_definitions
from reco_assets.pipelines.documented import RECO_PIPELINE
from reco_assets.runner.run import Outcome, materialize_assets
from resources.settings import Settings, load_settings

if TYPE_CHECKING:
    from tests.conftest import RatingFiles


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory, movielens: "RatingFiles") -> Settings:
    lake = tmp_path_factory.mktemp("main_job") / "lake"
    return load_settings(lakehouse_path=lake, reco_source="movielens", reco_source_path=movielens.folder)


@pytest.fixture(scope="session")
def outcome(settings: Settings) -> Outcome:
    return materialize_assets(build_definitions, settings, RECO_PIPELINE.assets)
