"""`reco etl`, `futures`, `train`, `evaluate`: the pipelines, and the documents' arguments for each task.

Without paths, or with the platform's own (see reco_assets/workspace.py), a command materialises the platform's tables
through the asset graph. With other paths it reads and writes those files as given, by the same code, and leaves the
platform's tables alone.
"""

from pathlib import Path
from typing import Annotated

import typer

from reco_assets.cli.paths import local_path
from reco_assets.cli.replace import ReplaceOption, replacing
from reco_assets.cli.say import say, say_and_hand_over

PathOption = Annotated[Path | None, typer.Option(parser=local_path, metavar="PATH", show_default="the platform's own")]


def etl(
    train_file: PathOption = None,
    test_file: PathOption = None,
    parquet_train_path: PathOption = None,
    parquet_test_path: PathOption = None,
    replace_source: ReplaceOption = False,
) -> None:
    """Files to bronze, silver and the split.

    A lakehouse remembers what it was loaded from, and reads it again where no source is set.

    With --train-file and --test-file, ratings that come split, in blocks of `MOVIE_ID:` and `CUST_ID,RATING,DATE`
    lines; with --parquet-train-path and --parquet-test-path, Parquet folders to write instead of the tables.
    """
    from reco_assets.cli.progress import run_with_progress
    from reco_assets.given_files import models as files
    from reco_assets.given_files.own_paths import presplit_folder, say_where_parquet_would_be
    from reco_assets.pipelines.selections import ETL
    from reco_assets.workspace import but_for_own
    from resources.settings import load_settings

    settings = load_settings()
    sources = {side: path for side, path in (("train", train_file), ("test", test_file)) if path}
    outputs = {side: path for side, path in (("train", parquet_train_path), ("test", parquet_test_path)) if path}
    others = {side: path for side, path in outputs.items() if but_for_own(settings, path, f"silver/{side}_ratings")}
    for side in sources.keys() - outputs.keys():
        raise typer.BadParameter(f"--{side}-file needs --parquet-{side}-path: where its rows go")
    if sources and sources.keys() <= others.keys():
        say_and_hand_over(
            settings, {side: files.etl_file(settings, path, others[side]) for side, path in sources.items()}
        )
        return
    if sources:
        settings = load_settings(reco_source="presplit", reco_source_path=presplit_folder(sources))
    say_where_parquet_would_be(settings, {f"silver/{side}_ratings": path for side, path in outputs.items()})
    outcome = run_with_progress(settings, ETL, "etl", replacing(replace_source))
    for side, output in others.items():
        say(files.export_table(settings, f"silver/{side}_ratings", output))
    rows = {name: values.get("dagster/row_count") for name, values in outcome.metadata.items()}
    say({name: count for name, count in rows.items() if count is not None})


def futures(future_file: PathOption = None, csv_output_path: PathOption = None) -> None:
    """Export the future ratings as `DATE,CUST_ID,MOVIE_ID,RATING` CSV."""
    from reco_assets.cli.progress import run_with_progress
    from reco_assets.given_files import models as files
    from reco_assets.given_files.own_paths import require_future_of_source
    from reco_assets.pipelines.selections import FUTURES
    from reco_assets.workspace import FUTURE_CSV, but_for_own
    from resources.settings import load_settings

    settings = load_settings()
    output = but_for_own(settings, csv_output_path, FUTURE_CSV)
    if output:
        say_and_hand_over(settings, files.export_futures(settings, future_file, output))
        return
    if future_file:
        require_future_of_source(settings, future_file)
    outcome = run_with_progress(settings, FUTURES, "futures")
    say(outcome.metadata["silver/future_csv"])


def train(
    parquet_train_path: PathOption = None,
    model_output_path: PathOption = None,
    tune: Annotated[
        int, typer.Option(min=0, help="Settings to try for each part before; a run that was stopped goes on.")
    ] = 0,
) -> None:
    """Train a version, evaluate it, promote it if it is good enough, and write the recommendations.

    With --tune, on the settings that do best on a slice of the training ratings.
    With --parquet-train-path or --model-output-path, train alone: from that table, into that folder, where
    `{timestamp}` stands for the new version.
    """
    from reco_assets.cli.progress import run_with_progress
    from reco_assets.cli.summary import print_summary
    from reco_assets.given_files import models as files
    from reco_assets.given_files.own_paths import say_where_parquet_would_be
    from reco_assets.pipelines.selections import EVALUATION, SERVING, TRAINING
    from reco_assets.workspace import NEW_MODEL, TRAIN, but_for_own
    from resources.settings import load_settings

    settings = load_settings()
    source = but_for_own(settings, parquet_train_path, TRAIN)
    output = but_for_own(settings, model_output_path, NEW_MODEL)
    if tune and (source or output):
        raise typer.BadParameter("--tune works on the platform's own tables alone")
    config = {"models__als_candidate": {"tune": tune}}
    if source or output:
        say_and_hand_over(settings, files.train_on(settings, source, model_output_path))
        return
    if parquet_train_path or model_output_path:
        say_where_parquet_would_be(settings, {NEW_MODEL: model_output_path})
        say(run_with_progress(settings, TRAINING, "train", config).scalars[TRAINING[0]])
        return
    outcome = run_with_progress(settings, (*TRAINING, *EVALUATION, *SERVING), "train", config)
    print_summary(settings, outcome)


def evaluate(
    model_path: PathOption = None,
    test_parquet: PathOption = None,
    k: Annotated[int | None, typer.Option(min=1, help="Length of the judged lists.")] = None,
    rating_threshold: Annotated[float | None, typer.Option(min=0.5, max=5.0, help="Relevant from here.")] = None,
) -> None:
    """Judge the model trained last, decide on its promotion and let the recommendations follow the champion.

    With another model or other test ratings, print the metrics alone.
    """
    from reco_assets.cli.progress import run_with_progress
    from reco_assets.cli.summary import print_summary
    from reco_assets.given_files import models as files
    from reco_assets.given_files.own_paths import is_candidate
    from reco_assets.pipelines.selections import EVALUATION, SERVING
    from reco_assets.workspace import TEST, but_for_own, own_version
    from resources.settings import load_settings

    given = {"evaluation_k": k, "rating_threshold": rating_threshold}
    settings = load_settings(**{name: value for name, value in given.items() if value is not None})
    test = but_for_own(settings, test_parquet, TEST)
    model = model_path and own_version(settings, model_path)
    if test or (model and not is_candidate(settings, model)):
        say_and_hand_over(settings, files.evaluate_files(settings, model, test))
        return
    outcome = run_with_progress(settings, (*EVALUATION, *SERVING), "evaluate")
    print_summary(settings, outcome)
