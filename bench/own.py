"""Ours, one part at a time, on the lakehouse that `bench/stages.py` made: fits, lists, checks, drift."""

import argparse
import shutil
import sys
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from reco_assets.drift.inputs import report_on_waiting
from reco_assets.drift.kept import kept_folder
from reco_assets.models.als import solver
from reco_assets.models.als.family import configure
from reco_assets.models.biases import fit_biases, residuals
from reco_assets.models.inputs import read_ratings
from reco_assets.models.top_n import Side, best_movies
from reco_assets.quality.checking import check_table
from reco_assets.quality.declarations import DECLARED
from reco_assets.quality.kinds import KINDS
from reco_assets.streaming.intake import take_in
from reco_assets.streaming.simulate import Simulation
from reco_assets.streaming.simulated_file import simulate
from reco_assets.tables import SILVER_RATINGS, TRAIN_RATINGS
from resources.settings import load_settings
from resources.tables.lakehouse import Lakehouse

sys.path.append(str(Path(__file__).parent / "peers"))
from clock import stage

STREAMED_ROWS = 50_000
ENTRIES_FILE, FACTORS_FILE = "entries.npz", "factors.npz"


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--kept", type=Path, required=True, help="folder for what the peers are given")
    arguments = parser.parse_args()
    lakehouse = Lakehouse.open(load_settings())
    PARTS[arguments.part](lakehouse, arguments.kept)
    lakehouse.engine.stop()


def fit(lakehouse: Lakehouse, kept: Path) -> None:
    """Both factorisations of the training ratings, and the lists of all users; the peers get the same entries."""
    config = configure(lakehouse.settings)
    with stage("compiling or loading what is compiled"):  # told by itself: the peers come compiled
        few = sp.csr_matrix(np.eye(3, dtype=np.float32))
        for part in (config.ranking, config.rating):
            solver.factorize(few, part)
    train = read_ratings(lakehouse, TRAIN_RATINGS.name)
    with stage("preparation"):
        stars = train.stars
        left = residuals(stars.matrix, fit_biases(stars.matrix))
    likes = sp.csr_matrix(stars.matrix >= config.like_threshold, dtype=np.float32)
    with stage("ranking fit") as found:
        users, items = solver.factorize(likes, config.ranking)
        found["entries"] = likes.nnz
    with stage("rating fit") as found:
        solver.factorize(left, config.rating)
        found["entries"] = left.nnz
    with stage("rating fit of the ranking fit's entries"):
        solver.factorize(likes, config.rating)
    with stage("top-n") as found:
        best_movies(Side(stars.user_ids, users), Side(stars.movie_ids, items), lakehouse.settings.serving.top_n, train)
        found["users"] = len(users)
    sp.save_npz(kept / ENTRIES_FILE, likes, compressed=False)
    np.savez(kept / FACTORS_FILE, users=users, items=items, indices=stars.matrix.indices, indptr=stars.matrix.indptr)


def checks(lakehouse: Lakehouse, _: Path) -> None:
    """All kinds of checks of silver/ratings; the engine's start is not timed, and no number is kept from before."""
    lakehouse.read(SILVER_RATINGS.name).limit(1).collect()
    shutil.rmtree(lakehouse.path("quality"), ignore_errors=True)
    with stage("checks") as found:
        findings = check_table(lakehouse, DECLARED[SILVER_RATINGS.name], KINDS)
        found["warned_of"] = [finding.kind for finding in findings if not finding.passed]


def drift(lakehouse: Lakehouse, _: Path) -> None:
    """A drift report on a file of the future's ratings, against all training ratings, none of it counted before."""
    if not any((lakehouse.settings.storage.root / "stream").glob("ratings/*")):
        simulate(
            lakehouse.settings, Simulation("future", users=10**6, rows=STREAMED_ROWS, tilt=0.0, seed=1), "bench.csv"
        )
        take_in(lakehouse)
    shutil.rmtree(kept_folder(lakehouse.settings), ignore_errors=True)
    lakehouse.read(SILVER_RATINGS.name).limit(1).collect()
    with stage("drift") as found:
        found["should_retrain"] = report_on_waiting(lakehouse).should_retrain


PARTS = {"fit": fit, "checks": checks, "drift": drift}

if __name__ == "__main__":
    main()
