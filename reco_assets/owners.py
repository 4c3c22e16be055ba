"""Who answers for the tables and models of each layer, as Dagit shows it: a team, or a mail address. Pure."""

from collections.abc import Mapping

DATA, MODELS, SERVING = "team:data", "team:models", "team:serving"

OWNERS: Mapping[str, str] = {
    "events": DATA,
    "bronze": DATA,
    "silver": DATA,
    "splits": DATA,
    "stream": DATA,
    "quality": DATA,
    "maintenance": DATA,
    "features": MODELS,
    "models": MODELS,
    "drift": MODELS,
    "gold": SERVING,
    "serving": SERVING,
}
