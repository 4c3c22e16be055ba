"""What a documented verb does with its paths: the assets for the platform's own, and else those files alone."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from reco_assets.given_files.drift import DriftPaths, detect_drift
from reco_assets.given_files.etl import etl, futures
from reco_assets.given_files.models import evaluate, train
from reco_assets.given_files.own_paths import ArgumentsError, OwnPathError
from reco_assets.given_files.stream import merge, process
from reco_assets.pipelines.selections import DRIFT, ETL, EVALUATION, FUTURES, INTAKE, MERGE, SERVING, TRAINING
from reco_assets.runner.run import Outcome
from reco_assets.workspace import documented_paths
from resources.settings import Settings, load_settings
from resources.tables.files import LakehouseError


class MadeError(Exception):
    """What a verb would make."""


def make(
    settings: Settings, assets: Sequence[str], title: str, config: Mapping[str, Mapping[str, Any]] | None = None
) -> Outcome:
    raise MadeError(assets, dict(config or {}))


def never(*_: Any, **__: Any) -> Outcome:
    pytest.fail("the platform's own tables are left alone")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(lakehouse_path=tmp_path / "data", workspace=tmp_path, reco_engine="embedded")


def documented(settings: Settings, name: str) -> Path:
    return documented_paths(settings, name)[0]


def made_by(verb: Any, *arguments: Any, **options: Any) -> tuple[Sequence[str], dict[str, Any]]:
    """The assets that a verb makes, and their configuration."""
    with pytest.raises(MadeError) as made:
        verb(*arguments, make, **options)
    found: tuple[Sequence[str], dict[str, Any]] = made.value.args
    return found


def test_without_paths_the_verbs_make_the_platforms_tables(settings: Settings) -> None:
    assert made_by(etl, settings, {}, {}, {"bronze": {}}) == (ETL, {"bronze": {}})
    assert made_by(futures, settings, None, None) == (FUTURES, {})
    assert made_by(train, settings, None, None, 3) == (
        (*TRAINING, *EVALUATION, *SERVING),
        {"models__als_candidate": {"tune": 3}},
    )
    assert made_by(evaluate, settings, None, None) == ((*EVALUATION, *SERVING), {})
    assert made_by(process, settings, None, None, move=False) == (
        INTAKE,
        {"process_streaming_data": {"without_files": "FAIL"}},
    )
    assert made_by(detect_drift, settings, DriftPaths()) == (DRIFT, {})
    assert made_by(merge, settings, None, None)[0] == MERGE


def test_the_documents_paths_are_names_of_the_platforms_tables(settings: Settings) -> None:
    train_table, models = (
        documented(settings, "silver/train_ratings"),
        documented(settings, "gold/models/als/{timestamp}"),
    )
    assert made_by(train, settings, train_table, models, 0)[0] == TRAINING
    assert made_by(evaluate, settings, None, documented(settings, "silver/test_ratings"))[0] == (*EVALUATION, *SERVING)
    assert made_by(merge, settings, documented(settings, "streaming"), documented(settings, "silver"))[0] == MERGE
    assert made_by(etl, settings, {}, {"train": train_table}, {})[0] == ETL


def test_where_nothing_is_published_a_documented_output_says_what_it_stands_for(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    output = documented(settings, "silver/train_ratings")
    made_by(etl, settings, {}, {"train": output}, {})
    assert capsys.readouterr().err == (
        f"{output} stands for {settings.storage.root}/silver/train_ratings; "
        "PUBLISH_PATHS=on keeps a plain copy there as well.\n"
    )


def test_with_other_paths_the_platforms_tables_are_left_alone(settings: Settings, tmp_path: Path) -> None:
    other = tmp_path / "other"
    with pytest.raises(LakehouseError, match="other is no Parquet or Delta folder"):
        train(settings, other, tmp_path / "model", 0, never)
    with pytest.raises(LakehouseError, match="other is no file"):
        process(settings, other, tmp_path / "out", never, move=False)
    with pytest.raises(LakehouseError, match=r"other is no folder with train/ and test/"):
        merge(settings, tmp_path, other, never)


@pytest.mark.parametrize(
    ("verb", "said"),
    [
        (lambda given, other: etl(given, {"test": other}, {}, {}, never), "--test-file needs --parquet-test-path"),
        (lambda given, other: train(given, other, None, 1, never), "--tune works on the platform's own tables alone"),
        (lambda given, other: process(given, None, other, never, move=False), "--output_path needs --csv_path"),
        (lambda given, other: merge(given, other, None, never), "give both --streaming_path and --processed_path"),
    ],
    ids=["etl", "train", "process", "merge"],
)
def test_arguments_that_do_not_go_together_are_refused(
    settings: Settings, tmp_path: Path, verb: Any, said: str
) -> None:
    with pytest.raises(ArgumentsError, match=said):
        verb(settings, tmp_path / "other")


def test_a_future_file_that_is_not_there_is_named_before_anything_is_made(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(OwnPathError, match=r"future\.txt does not exist"):
        futures(settings, tmp_path / "future.txt", None, never)
