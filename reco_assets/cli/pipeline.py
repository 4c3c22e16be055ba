"""`reco etl`, `futures`, `train`, `evaluate`: the pipelines, and the documents' arguments for each task.

Without paths a command materialises the platform's own tables through the asset graph. With paths it reads and
writes those files as given, by the same code, and leaves the platform's tables alone.
"""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

PathOption = Annotated[Path | None, typer.Option(show_default="the platform's own")]


def etl(
    train_file: PathOption = None,
    test_file: PathOption = None,
    parquet_train_path: PathOption = None,
    parquet_test_path: PathOption = None,
) -> None:
    """Files to bronze, silver and the split.

    With --train-file and --test-file, ratings that come split, in blocks of `MOVIE_ID:` and `CUST_ID,RATING,DATE`
    lines; with --parquet-train-path and --parquet-test-path, Parquet folders to write instead of the tables.
    """
    from reco_assets.cli import files
    from reco_assets.cli.progress import run_with_progress
    from reco_assets.jobs import ETL
    from resources.settings import load_settings

    settings = load_settings()
    given = {"train": train_file, "test": test_file}
    outputs = {"train": parquet_train_path, "test": parquet_test_path}
    if train_file or test_file:
        for side, path in given.items():
            if path and not outputs[side]:
                raise typer.BadParameter(f"--{side}-file needs --parquet-{side}-path: where its rows go")
            if path and outputs[side]:
                _say(files.etl_file(settings, path, Path(str(outputs[side]))))
        return
    outcome = run_with_progress(settings, ETL, "etl")
    for side, output in outputs.items():
        if output:
            _say(files.export_table(settings, f"silver/{side}_ratings", output))
    rows = {name: values.get("dagster/row_count") for name, values in outcome.metadata.items()}
    _say({name: count for name, count in rows.items() if count is not None})


def futures(future_file: PathOption = None, csv_output_path: PathOption = None) -> None:
    """Export the future ratings as `DATE,CUST_ID,MOVIE_ID,RATING` CSV."""
    from reco_assets.cli import files
    from reco_assets.cli.progress import run_with_progress
    from reco_assets.jobs import FUTURES
    from resources.settings import load_settings

    settings = load_settings()
    if future_file or csv_output_path:
        _say(files.export_futures(settings, future_file, csv_output_path))
        return
    outcome = run_with_progress(settings, FUTURES, "futures")
    _say(outcome.metadata["silver/future_csv"])


def train(parquet_train_path: PathOption = None, model_output_path: PathOption = None) -> None:
    """Train a version, evaluate it, promote it if it is good enough, and write the recommendations.

    With --parquet-train-path or --model-output-path, train alone: from that table, into that folder, where
    `{timestamp}` stands for the new version.
    """
    from reco_assets.cli import files
    from reco_assets.cli.progress import run_with_progress
    from reco_assets.cli.summary import print_summary
    from reco_assets.jobs import EVALUATION, SERVING, TRAINING
    from resources.settings import load_settings

    settings = load_settings()
    if parquet_train_path or model_output_path:
        _say(files.train_on(settings, parquet_train_path, model_output_path))
        return
    outcome = run_with_progress(settings, (*TRAINING, *EVALUATION, *SERVING), "train")
    print_summary(settings, outcome)


def evaluate(
    model_path: PathOption = None,
    test_parquet: PathOption = None,
    k: Annotated[int | None, typer.Option(min=1, help="Length of the judged lists.")] = None,
    rating_threshold: Annotated[float | None, typer.Option(min=0.5, max=5.0, help="Relevant from here.")] = None,
) -> None:
    """Judge the model trained last and decide on its promotion; with paths, print the metrics of that model."""
    from reco_assets.cli import files
    from reco_assets.cli.progress import run_with_progress
    from reco_assets.cli.summary import print_summary
    from reco_assets.jobs import EVALUATION
    from resources.settings import load_settings

    given = {"evaluation_k": k, "rating_threshold": rating_threshold}
    settings = load_settings(**{name: value for name, value in given.items() if value is not None})
    if model_path or test_parquet:
        _say(files.evaluate_files(settings, model_path, test_parquet))
        return
    outcome = run_with_progress(settings, EVALUATION, "evaluate")
    print_summary(settings, outcome)


def _say(document: dict[str, Any]) -> None:
    typer.echo(json.dumps(document, indent=2, default=str))
