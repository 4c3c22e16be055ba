"""A neural model from what it is trained on; what is shown of the training, and where it leaves its checkpoints."""

import hashlib
import json
from dataclasses import asdict
from importlib.metadata import version

from reco_assets.models.ncf.checkpoints import Checkpoints
from reco_assets.models.ncf.config import NcfConfig
from reco_assets.models.ncf.course import Course, plan
from reco_assets.models.ncf.data import Brought
from reco_assets.models.ncf.progress import shown
from reco_assets.models.ncf.recommender import NcfRecommender
from reco_assets.models.ncf.training import learn
from reco_assets.models.ncf.vectors import taken_apart
from reco_assets.models.training_data import TrainingData
from reco_assets.version import code_version


def trained_model(data: TrainingData, config: NcfConfig) -> NcfRecommender:
    """Train a model, on from where a training of the same was killed. Raises `NoRatingsError`, `FeatureStoreError`."""
    brought: Brought | None = data.own
    planned = plan(data, brought.describe() if brought and config.features else None, config.seed)
    course = planned.course
    folder = brought.checkpoints if brought else None
    checkpoints = Checkpoints(folder, name_of(course, config)) if folder else None
    if checkpoints:
        checkpoints.sweep()
    with shown() as report:
        learned = learn(course, config, checkpoints, report)
    network = taken_apart(learned.parameters, course.final.features)
    ids = planned.user_ids, planned.movie_ids
    return NcfRecommender.of(data.ratings, (config, learned.outcome), ids, network)


def name_of(course: Course, config: NcfConfig) -> str:
    """What tells a training from others: its code, its configuration and all that it learns from."""
    code = code_version("reco_assets/models/ncf"), version("jax")
    told = [*code, asdict(config), course.search.digest(), course.final.digest()]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:32]
