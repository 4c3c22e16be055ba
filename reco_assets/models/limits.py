"""From which figures on a model that is judged by sampled negatives may be deployed. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """AUC, NDCG@10 and hit rate@10 at least, and how many times popularity's NDCG@10 must be reached, too."""

    auc: float
    ndcg: float
    hit_rate: float
    popularity_factor: float
