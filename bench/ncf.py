"""`make bench-ncf`: how long the neural model takes from silver on, beside the fastest plain script for the same.

ml-latest-small first, then synthetic ratings of ML-1M's shape, each in a lakehouse of its own: features, training with
its search for the number of epochs, and judgement. The plain script (`ncf_plain.py`) trains the same network on arrays
for as many epochs, once: it searches nothing, keeps nothing, drops nothing and knows no features. `--figures` trains
with several seeds instead and shows, by several seeds of negatives, what it is worth: NDCG@10, hit rate@10 and AUC.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import pyarrow.parquet as pq
from measuring import HERE, MOVIELENS, machine

from reco_assets.build import build_definitions
from reco_assets.features.store import FeatureStore, store_path
from reco_assets.models.baselines import Popularity
from reco_assets.models.interface import Recommender
from reco_assets.models.judging.sampled import SampledProtocol, judge_lists, sample_lists
from reco_assets.models.ncf import family
from reco_assets.models.ncf.data import held_out, read
from reco_assets.pipelines.selections import BRONZE, FEATURE_STORE, NEURAL_JUDGEMENT, NEURAL_TRAINING, SILVER
from reco_assets.runner.run import materialize_assets
from resources.settings import Settings, load_settings
from resources.tables.lakehouse import Lakehouse

NEGATIVES = range(10)  # seeds of negatives; a model's figures are means over them
FORCE = {"models__ncf_candidate": {"force": True}}
PLAIN = HERE / "ncf_plain.py"


def main() -> None:
    """Measure what the command line asks for and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="+", choices=("ml-latest-small", "synthetic"), default=["ml-latest-small"])
    parser.add_argument("--movielens", type=Path, default=MOVIELENS, help="folder of ml-latest-small")
    parser.add_argument("--users", type=int, default=6_040)
    parser.add_argument("--movies", type=int, default=3_706)
    parser.add_argument("--ratings", type=int, default=1_000_000)
    parser.add_argument("--figures", action="store_true", help="what the model is worth, not how long it takes")
    parser.add_argument("--seeds", type=int, default=3, help="with --figures: how many models of each kind")
    arguments = parser.parse_args()
    print(json.dumps(machine()))
    for data in arguments.data:
        with silver(data, arguments) as lakehouse:
            if arguments.figures:
                show_figures(lakehouse, arguments.seeds)
            else:
                measure(data, lakehouse)


@contextmanager
def silver(data: str, arguments: argparse.Namespace) -> Iterator[Lakehouse]:
    """A lakehouse that holds the ratings and movies of silver, and nothing after them."""
    shapes: dict[str, dict[str, Any]] = {
        "ml-latest-small": {"reco_source": "movielens", "reco_source_path": arguments.movielens},
        "synthetic": {
            "reco_source": "synthetic",
            "synthetic_users": arguments.users,
            "synthetic_movies": arguments.movies,
            "synthetic_ratings": arguments.ratings,
        },
    }
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(lakehouse_path=Path(folder, "lake"), **shapes[data])
        materialize_assets(build_definitions, settings, (*BRONZE, *SILVER))
        yield Lakehouse.open(settings)


def measure(data: str, lakehouse: Lakehouse) -> None:
    """Print how long each stage takes, and the plain script."""
    settings, spent = lakehouse.settings, []
    for stage, assets, config in (
        ("features", FEATURE_STORE, None),
        ("training", NEURAL_TRAINING, FORCE),
        ("judgement", NEURAL_JUDGEMENT, None),
    ):
        spent.append(timed(settings, assets, config))
        tell(data, stage, spent[-1])
    tell(data, "all of it", sum(spent))
    with FeatureStore.open(store_path(settings)) as store:
        file = lakehouse.root / "interactions.parquet"
        pq.write_table(store.interactions(), file)
    epochs = trained_epochs(lakehouse)
    start = time.perf_counter()
    found = subprocess.run([sys.executable, PLAIN, file, str(epochs)], check=True, capture_output=True, text=True)
    tell(data, f"plain script, {epochs} epochs", time.perf_counter() - start)
    print(f"  {found.stdout.strip()}")


def timed(settings: Settings, assets: tuple[str, ...], config: Mapping[str, Any] | None) -> float:
    """How many seconds these assets take."""
    start = time.perf_counter()
    materialize_assets(build_definitions, settings, assets, config=config)
    return time.perf_counter() - start


def trained_epochs(lakehouse: Lakehouse) -> int:
    """How many epochs the version just trained had."""
    (record,) = (lakehouse.root / "gold" / "models" / "ncf").glob("*/model.json")
    return int(json.loads(record.read_text())["outcome"]["epochs"])


def show_figures(lakehouse: Lakehouse, seeds: int) -> None:
    """Print what kinds of models are worth on the held-out movies, each as mean and deviation over seeds."""
    materialize_assets(build_definitions, lakehouse.settings, FEATURE_STORE)
    data, held, config = read(lakehouse, None), held_out(lakehouse, None), family.configure(lakehouse.settings)
    liked = data.ratings.rating >= 4
    kinds = {
        "NCF": (data, config),
        "NCF without features": (data, replace(config, features=False)),
        "NCF, only ratings of 4 stars on": (
            replace(data, ratings=data.ratings.where(liked), moment=data.moment[liked]),  # type: ignore[index]
            config,
        ),
    }

    def worth(name: str, models: list[Recommender]) -> None:
        lists = [sample_lists(held.known, held.ratings, SampledProtocol(seed)) for seed in NEGATIVES]
        scores = [[judge_lists(model, each, 10) for each in lists] for model in models]
        for figure in ("ndcg", "hit_rate", "auc"):
            of_model = [mean(getattr(score, figure) for score in each) for each in scores]
            spread = f" ± {stdev(of_model):.4f} over {len(models)} models" if len(models) > 1 else ""
            of_draw = stdev(getattr(score, figure) for score in scores[0])
            print(f"{name}: {figure} {mean(of_model):.4f}{spread}; ± {of_draw:.4f} over draws of negatives", flush=True)

    worth("popularity", [Popularity.fit(held.known)])
    for name, rival in held.rivals(held.known).items():
        worth(name, [rival])
    for name, (taught, wanted) in kinds.items():
        engine = lakehouse.engine
        worth(name, [family.fit_own(taught, replace(wanted, seed=seed), engine).model for seed in range(seeds)])


def tell(data: str, what: str, seconds: float) -> None:
    """Print one line."""
    print(f"{data}: {what}: {seconds:.1f} s", flush=True)


if __name__ == "__main__":
    main()
