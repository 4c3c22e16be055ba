"""What MLflow reads of a version that was described without it."""

from pathlib import Path

from mlflow.models import Model

from reco_assets.models.versions.flavour import write_flavour


def test_the_example_of_how_a_model_is_asked_is_what_its_signature_takes(tmp_path: Path) -> None:
    write_flavour(tmp_path, "als", "20250101_000000", {"silver/train_ratings": 3})
    described = Model.load(str(tmp_path))
    example = described.load_input_example(str(tmp_path))
    assert list(example.columns) == described.signature.inputs.input_names()
    assert example["seen"].map(type).eq(list).all()
