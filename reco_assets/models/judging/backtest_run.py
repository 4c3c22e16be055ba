"""A backtest as a command makes it: of the training and test ratings there are, into a file and a plot."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pac

from reco_assets.models.baselines import baselines_beside
from reco_assets.models.choosing import settled_on
from reco_assets.models.framed import TRIED_ON
from reco_assets.models.inputs import cut_like, goal_of, read_rows, split_of
from reco_assets.models.interface import Family
from reco_assets.models.judging.backtest import (
    BacktestError,
    Fitted,
    Step,
    judge_step,
    retraining_steps,
    together,
    windows_of,
)
from reco_assets.models.judging.evaluation import protocol_of
from reco_assets.models.judging.run import metrics_folder
from reco_assets.models.trial_slice import Dated, dated, some_users
from reco_assets.tables import TEST_RATINGS, TRAIN_RATINGS
from reco_assets.vocabulary import HISTORY
from resources.files import replacing, write_json
from resources.tables.lakehouse import Lakehouse

_NAMES = 8  # of steps, that fit below the plot
_TABLES = (TRAIN_RATINGS.name, TEST_RATINGS.name)


@dataclass(frozen=True)
class Backtest:
    """What came of it, and the files that hold and show it."""

    document: dict[str, Any]
    json: Path
    plot: Path


def backtest(
    lakehouse: Lakehouse, family: Family, windows: int | None, report: Callable[[Mapping[str, Any]], None]
) -> Backtest:
    """Judge the settings' models forward in time, on so many windows; None: on the newer half of what streamed in.

    Each is trained as a version is, which settles what the settings leave open on a slice of what it is trained on. No
    version is made and none is promoted. `report` is told of each step when it is done.

    Raises:
        BacktestError: The ratings have too few times, or are too many for the memory of Spark's driver.
        LakehouseError: There are no training or test ratings.
    """
    settings, moment = lakehouse.settings, datetime.now(UTC)
    config = family.configure(settings)
    protocol = protocol_of(settings.judging, f"windows={windows}" if windows else "streamed")

    goal = goal_of(lakehouse, cut_like(lakehouse, split_of(lakehouse)))

    def fit(train: Dated) -> Fitted:
        recent = train.last_days(settings.training.lookback_days)
        chosen = settled_on(family, some_users(recent, TRIED_ON, goal.seed), config, goal)
        model = family.fit(recent.ratings, chosen.config, lakehouse.engine).model
        baselines = baselines_beside(family, model, lambda: recent.ratings)
        return Fitted(model, baselines, family.hyperparameters(chosen.config))

    done = []
    for step in _steps(lakehouse, windows):
        done.append(judge_step(step, fit, protocol))
        report(done[-1])
    document = {
        "execution_ts": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "model": family.name,
        "inputs": {name: lakehouse.version(name) for name in _TABLES},
        "protocol": "Trained on ratings up to a moment, judged on those after it: the figures are a forecast's.",
        "steps": done,
        **({"together": together(done, protocol)} if windows else {}),
    }
    path = metrics_folder(settings) / f"backtest_{moment:%Y%m%d_%H%M%S}.json"
    write_json(path, document)
    plot = path.with_suffix(".png")
    _draw(done, plot)
    return Backtest(document, path, plot)


def _steps(lakehouse: Lakehouse, windows: int | None) -> Iterator[Step]:
    if large := [name for name in _TABLES if lakehouse.goes_by_frames(name)]:
        raise BacktestError(
            f"A backtest holds all ratings in memory, and {large[0]} has {lakehouse.row_count(large[0]):,}, more than "
            "SPARK_IN_MEMORY_ROWS. Raise that where the driver has the memory, or run with RECO_ENGINE=embedded."
        )
    train, test = (read_rows(lakehouse, name) for name in _TABLES)
    rows = pa.concat_tables([train, test])
    if windows:
        return windows_of(dated(rows), windows)
    history = pac.equal(train["origin"], HISTORY)
    return retraining_steps(dated(train.filter(history)), dated(rows.filter(pac.not_equal(rows["origin"], HISTORY))))


def _draw(steps: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw the model beside its baseline, step by step, as a PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3.4), layout="constrained")
    stars, lists = figure.subplots(1, 2)
    rmse = [(step["evaluation"]["rmse"], step["baselines"]["bias_only"]["rmse"]) for step in steps]
    ndcg = [(step["ranking"]["ndcg"], step["baselines"]["popularity"]["ndcg"]) for step in steps]
    k = steps[0]["ranking"]["k"]
    for axes, title, figures, baseline in (
        (stars, "warm RMSE (lower is better)", rmse, "bias only"),
        (lists, f"NDCG@{k} (higher is better)", ndcg, "popularity"),
    ):
        at = np.arange(len(steps))
        for name, values in zip(("model", baseline), np.array(figures, float).T, strict=True):
            axes.plot(at, values, marker="o", label=name)
        named = at[:: math.ceil(len(at) / _NAMES)]
        axes.set_xticks(named, [str(steps[place]["name"]) for place in named], fontsize=7, rotation=20, ha="right")
        axes.set_title(title, fontsize=9)
        axes.legend(fontsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=100)
