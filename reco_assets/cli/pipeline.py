"""`reco etl`, `futures`, `train`, `evaluate`, `validate`: the pipelines, and the documents' arguments for each task.

Without paths, or with the platform's own (see reco_assets/workspace.py), a command materialises the platform's tables
through the asset graph. With other paths it reads and writes those files as given, by the same code, and leaves the
platform's tables alone.
"""

from typing import Annotated

import typer

from reco_assets.cli.options import (
    JsonAnywayOption,
    JsonOption,
    ModelOption,
    PathOption,
    ReplaceOption,
    asked_for,
    other_family,
    replacing,
    require_no_paths,
    usage_told,
)
from reco_assets.vocabulary import HIGHEST_RATING, LOWEST_RATING


def etl(
    train_file: PathOption = None,
    test_file: PathOption = None,
    parquet_train_path: PathOption = None,
    parquet_test_path: PathOption = None,
    replace_source: ReplaceOption = False,
    _json: JsonAnywayOption = False,
) -> None:
    """Files to bronze, silver and the split.

    A lakehouse remembers what it was loaded from, and reads it again where no source is set.

    With --train-file and --test-file, ratings that come split, in blocks of `MOVIE_ID:` and `CUST_ID,RATING,DATE`
    lines; with --parquet-train-path and --parquet-test-path, Parquet folders to write instead of the tables.
    """
    from reco_assets.cli.progress import run_with_progress
    from reco_assets.cli.summary import say
    from reco_assets.given_files.etl import etl as make_tables
    from resources.settings import load_settings

    sources = asked_for(train=train_file, test=test_file)
    outputs = asked_for(train=parquet_train_path, test=parquet_test_path)
    with usage_told():
        made = make_tables(load_settings(), sources, outputs, replacing(replace_source), run_with_progress)
    say(*made)


def futures(
    future_file: PathOption = None, csv_output_path: PathOption = None, _json: JsonAnywayOption = False
) -> None:
    """Export the future ratings as `DATE,CUST_ID,MOVIE_ID,RATING` CSV."""
    from reco_assets.cli.progress import run_with_progress
    from reco_assets.cli.summary import say
    from reco_assets.given_files.etl import futures as export
    from resources.settings import load_settings

    say(export(load_settings(), future_file, csv_output_path, run_with_progress))


def train(
    *,
    parquet_train_path: PathOption = None,
    model_output_path: PathOption = None,
    tune: Annotated[
        int, typer.Option(min=0, help="Settings to try for each part before; a run that was stopped goes on.")
    ] = 0,
    model: ModelOption = None,
    force: Annotated[
        bool, typer.Option("--force", help="Train on any day, a family that has days of its own, too.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Train a version, evaluate it, promote it if it is good enough, and write the recommendations.

    With --tune, on the settings that do best on a slice of the training ratings.
    With --parquet-train-path or --model-output-path, train alone: from that table, into that folder, where
    `{timestamp}` stands for the new version.
    With --model ncf, the neural model: on the feature store, on Sundays (UTC) or with --force; gold stays as it is.
    """
    from reco_assets.cli.progress import run_with_progress
    from reco_assets.cli.summary import show
    from reco_assets.given_files.models import train as train_version
    from reco_assets.given_files.models import train_family
    from resources.settings import load_settings

    settings = load_settings()
    if family := other_family(model):
        require_no_paths(family, parquet_train_path=parquet_train_path, model_output_path=model_output_path)
        with usage_told():
            show(settings, train_family(settings, family, tune, force, run_with_progress), json=json)
        return
    with usage_told():
        trained = train_version(settings, parquet_train_path, model_output_path, tune, run_with_progress)
    show(settings, trained, json=json)


def evaluate(
    *,
    model_path: PathOption = None,
    test_parquet: PathOption = None,
    k: Annotated[int | None, typer.Option(min=1, help="Length of the judged lists.")] = None,
    rating_threshold: Annotated[
        float | None, typer.Option(min=LOWEST_RATING, max=HIGHEST_RATING, help="Relevant from here.")
    ] = None,
    model: ModelOption = None,
    json: JsonOption = False,
) -> None:
    """Judge the model trained last, decide on its promotion and let the recommendations follow the champion.

    With another model or other test ratings, print the metrics alone.
    With --model ncf, what its candidate handed on last; --k and --rating-threshold are of its lists over the full
    catalogue then, and its limits are on lists of 10 among sampled negatives.
    """
    from reco_assets.cli.progress import run_with_progress
    from reco_assets.cli.summary import show
    from reco_assets.given_files.models import evaluate as judge
    from reco_assets.given_files.models import evaluate_family
    from resources.settings import load_settings

    settings = load_settings(**asked_for(evaluation_k=k, rating_threshold=rating_threshold))
    if family := other_family(model):
        require_no_paths(family, model_path=model_path, test_parquet=test_parquet)
        show(settings, evaluate_family(settings, family, run_with_progress), json=json)
        return
    show(settings, judge(settings, model_path, test_parquet, run_with_progress), json=json)


def validate(*, json: JsonOption = False) -> None:
    """Check that raw files, tables, reports, models and metrics exist; exit 1 when something required is missing.

    What is in them it does not look at: reco run --checks does, and the quality report.
    """
    from reco_assets.cli.summary import say
    from reco_assets.tasks.layers_there import validation_report
    from resources.settings import load_settings

    report = validation_report(load_settings())
    if json:
        say(report.document())
    else:
        typer.echo(report.text)
    raise typer.Exit(0 if report.passed else 1)
