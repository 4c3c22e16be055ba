"""implicit's ALS by conjugate gradients, and its lists of all users, on the entries and factors that ours was given."""

import argparse
import os
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from clock import stage
from implicit.als import AlternatingLeastSquares
from threadpoolctl import threadpool_limits

RANK, ITERATIONS, REGULARIZATION, ALPHA, N = 64, 10, 0.1, 0.75, 10


def main() -> None:
    """Fit, then make the lists."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kept", type=Path, help="folder with entries.npz and factors.npz")
    kept: Path = parser.parse_args().kept
    likes = sp.load_npz(kept / "entries.npz")
    with threadpool_limits(1, "blas"), stage("ranking fit") as found:
        model = AlternatingLeastSquares(
            RANK, REGULARIZATION, ALPHA, iterations=ITERATIONS, num_threads=os.cpu_count(), random_state=42
        )
        model.fit(likes, show_progress=False)
        found["entries"] = likes.nnz
    given = np.load(kept / "factors.npz")
    model.user_factors, model.item_factors = given["users"], given["items"]
    ones = np.ones(len(given["indices"]), np.float32)
    seen = sp.csr_matrix((ones, given["indices"], given["indptr"]), likes.shape)
    with threadpool_limits(1, "blas"), stage("top-n") as found:
        model.recommend(np.arange(likes.shape[0]), seen, N=N)
        found["users"] = likes.shape[0]


if __name__ == "__main__":
    main()
