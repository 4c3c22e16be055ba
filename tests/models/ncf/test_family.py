"""When and where the neural model is trained, and what its record keeps."""

from datetime import date

import pytest

from reco_assets.models.ncf import family
from reco_assets.models.ncf.family import NCF, NoJaxError
from reco_assets.models.training_data import TrainingData
from resources.settings import load_settings


def test_it_is_trained_on_sundays_and_on_other_days_says_why_not() -> None:
    assert family.rests(date(2025, 1, 5)) is None
    assert "Monday, 2025-01-06 (UTC)" in str(family.rests(date(2025, 1, 6)))


def test_without_jax_training_is_one_clear_error(data: TrainingData, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert "make neural" in str(family.lacks())
    with pytest.raises(NoJaxError, match="make neural"):
        family.fit_own(data, family.configure(load_settings()), None)  # type: ignore[arg-type]


def test_all_that_it_is_trained_with_comes_from_the_settings() -> None:
    config = NCF.configure(load_settings(ncf_factors=8, ncf_dropout=0.5, ncf_features="off", reco_seed=3))
    assert (config.factors, config.dropout, config.features, config.seed) == (8, 0.5, False, 3)
    assert NCF.hyperparameters(config)["features"] == 0
