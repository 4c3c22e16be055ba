"""What the documents of a model version must be: types, ids and paths that lead nowhere else. Nothing is read here."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from reco_assets.models.als.recommender import ModelConfig
from resources.identifiers import Identifier, InnerPath, Sha256

Inputs = dict[str, int | str | None]
Count = Annotated[int, Field(ge=0)]


@dataclass(frozen=True)
class ChampionRecord:
    """champion.json: what serves, what it follows (None: nothing served before), since when and why."""

    version: Identifier
    previous: Identifier | None = None
    promoted_ts: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Backup:
    """A champion as it was: `files` are its files' checksums, `inputs` the Delta versions behind it by table."""

    version: Identifier
    backed_up_ts: str
    inputs: Inputs
    files: dict[InnerPath, Sha256]


class _Record(BaseModel):
    """Names what is read and what it must be; a document may hold more, and less if whoever reads it can do without."""

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)


class StarsRecord(_Record):
    """How well stars were predicted; None where there was nothing to judge."""

    rmse: float | None = None
    rmse_all: float | None = None
    split: str = ""


class RankingRecord(_Record):
    """How good lists were; None where there was nothing to judge."""

    k: Annotated[int, Field(ge=1)] = 10
    threshold: float = 4.0
    ndcg: float | None = None
    hit_rate: float | None = None


class ComparisonRecord(_Record):
    """What the comparison with the champion came to."""

    champion: Identifier | None
    promote: bool
    reason: str
    next_task: str


class OriginRecord(_Record):
    """The figures on test ratings of one origin."""

    rmse: float | None = None


class MetricsRecord(_Record):
    """The run metrics of a version."""

    inputs: Inputs = {}
    evaluation: StarsRecord = StarsRecord()
    ranking: RankingRecord = RankingRecord()
    by_origin: dict[str, OriginRecord] = {}
    comparison: ComparisonRecord | None = None


class ModelRecord(_Record):
    """model.json: what a version is, what it was made of, and what became of it."""

    version: Identifier = "unnamed"
    config: ModelConfig | None = None
    mean: float = 0.0
    files: dict[InnerPath, Sha256] = {}
    inputs: Inputs = {}
    engine: Literal["embedded", "spark"] = "embedded"
    cores: int | None = None
    code_version: str = ""
    dagster_run_id: str = ""
    split: str = ""
    train_count: Count = 0
    lookback_days: int | None = None
    seed: int = 0
    metrics: MetricsRecord | None = None
    decision: str = ""
    promoted_ts: str = ""
