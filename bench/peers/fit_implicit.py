"""implicit's ALS by conjugate gradients, and its lists of all users, on the entries and factors that ours was given."""

import numpy as np
import scipy.sparse as sp
from asked import Asked, from_command_line
from clock import stage
from implicit.als import AlternatingLeastSquares
from threadpoolctl import threadpool_limits


def main() -> None:
    """Fit, then make the lists."""
    asked, (kept,) = from_command_line(__doc__.splitlines()[0], "kept")
    likes = sp.load_npz(kept / "entries.npz")
    with threadpool_limits(1, "blas"), stage("ranking fit") as found:
        model = unfitted(asked)
        model.fit(likes, show_progress=False)
        found["entries"] = likes.nnz
    given = np.load(kept / "factors.npz")
    model.user_factors, model.item_factors = given["users"], given["items"]
    ones = np.ones(len(given["indices"]), np.float32)
    seen = sp.csr_matrix((ones, given["indices"], given["indptr"]), likes.shape)
    with threadpool_limits(1, "blas"), stage("top-n") as found:
        model.recommend(np.arange(likes.shape[0]), seen, N=asked.listed)
        found["users"] = likes.shape[0]


def unfitted(asked: Asked) -> AlternatingLeastSquares:
    """implicit's model as it is asked for."""
    return AlternatingLeastSquares(
        asked.rank,
        asked.regularization,
        asked.alpha,
        iterations=asked.iterations,
        num_threads=asked.cores,
        random_state=asked.seed,
    )


if __name__ == "__main__":
    main()
