"""What the documents of a model version must be: types, ids and paths that lead nowhere else. Nothing is read here."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from resources.paths.identifiers import Identifier, InnerPath, Sha256

Inputs = dict[str, int | str | None]
Count = Annotated[int, Field(ge=0)]
ModelPart = Literal["stars", "lists"]


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

    def document(self) -> dict[str, Any]:
        """What was set, as plain JSON, unknown fields included."""
        return self.model_dump(mode="json", exclude_unset=True)


class StarsRecord(_Record):
    """How well stars were predicted; None where there was nothing to judge."""

    rmse: float | None = None
    rmse_all: float | None = None
    test_count: Count = 0
    coverage: float | None = None
    split: str = ""


class RankingRecord(_Record):
    """How good lists were; None where there was nothing to judge."""

    k: Annotated[int, Field(ge=1)] = 10
    threshold: float = 4.0
    ndcg: float | None = None
    hit_rate: float | None = None


class BaselinesRecord(_Record):
    """The same figures of the baselines."""

    bias_only: StarsRecord = StarsRecord()
    popularity: RankingRecord = RankingRecord()


class ServesRecord(_Record):
    """What serves for each part, `model` or the name of the baseline that stands in for it, and what that scored."""

    stars: Literal["model", "bias_only"] = "model"
    lists: Literal["model", "popularity"] = "model"
    rmse: float | None = None
    rmse_all: float | None = None
    ndcg: float | None = None
    hit_rate: float | None = None

    @property
    def replaced(self) -> tuple[ModelPart, ...]:
        """The parts that a baseline stands in for."""
        parts: dict[ModelPart, str] = {"lists": self.lists, "stars": self.stars}
        return tuple(part for part, by in parts.items() if by != "model")


class DifferenceRecord(_Record):
    """One score less the champion's on the same test ratings, the 95 % interval of that, and on how many users."""

    difference: float
    low: float
    high: float
    users: Count | None = None  # versions of before did not say it of each score


class ComparisonRecord(_Record):
    """What the comparison with the champion came to; no scores where there was none to compare with."""

    champion: Identifier | None
    promote: bool
    reason: str
    next_task: str
    users: Count | None = None
    ndcg: DifferenceRecord | None = None
    rmse: DifferenceRecord | None = None


class JudgedChampion(_Record):
    """The champion of then, judged on the same test ratings."""

    version: Identifier
    evaluation: StarsRecord = StarsRecord()
    ranking: RankingRecord = RankingRecord()


class OriginRecord(_Record):
    """The figures on test ratings of one origin."""

    rmse: float | None = None


class SampledScores(_Record):
    """What one model scored among sampled negatives; None where there was nothing to judge."""

    auc: float | None = None
    ndcg: float | None = None
    hit_rate: float | None = None


class SampledRecord(_Record):
    """A judgement by sampled negatives: its protocol in words, and each model's figures by its name."""

    protocol: str
    k: Annotated[int, Field(ge=1)] = 10
    models: dict[str, SampledScores] = {}


class Told(_Record):
    """A section of the run metrics whose `text` says it in words."""

    text: str = ""


class HyperparametersRecord(_Record):
    """What a version was trained with and judged by, under the documents' names."""

    cold_start_strategy: Literal["drop", "nan"] = "drop"


class MetricsRecord(_Record):
    """The run metrics of a version."""

    inputs: Inputs = {}
    hyperparameters: HyperparametersRecord = HyperparametersRecord()
    evaluation: StarsRecord = StarsRecord()
    ranking: RankingRecord = RankingRecord()
    baselines: BaselinesRecord = BaselinesRecord()
    by_origin: dict[str, OriginRecord] = {}
    serves: ServesRecord | None = None
    champion: JudgedChampion | None = None
    comparison: ComparisonRecord | None = None
    sampled: SampledRecord | None = None
    protocol: Told = Told()
    forward: Told = Told()
    slices: Told = Told()


class ModelRecord(_Record):
    """model.json: what a version is, what it was made of, and what became of it.

    Each family has its own, which says what `config` is and what else its models need to be loaded.
    """

    version: Identifier = "unnamed"
    config: Any
    files: dict[InnerPath, Sha256] = {}
    inputs: Inputs = {}
    engine: Literal["embedded", "spark"] = "embedded"
    cores: int | None = None
    code_version: str = ""
    dagster_run_id: str = ""  # empty for a version that was trained on given files
    split: str = ""
    train_count: Count = 0
    lookback_days: int | None = None
    seed: int = 0
    tuning: dict[str, Any] | None = None
    settled: dict[str, Any] | None = None  # what the training chose by itself, among what, and one `line` that says it
    new_movies: dict[str, Any] | None = None  # what is known of movies without ratings, and one `line` that says it
    mlflow_run_id: str | None = None
    metrics: MetricsRecord | None = None
    decision: str = ""
    promoted_ts: str = ""
    forgotten: Count = 0  # how often users were forgotten whom it was trained with
    replaced: tuple[ModelPart, ...] = ()  # by baselines; versions that are old or were not judged serve all their own

    def as_trained(self) -> Self:
        """The record of the same version with all its own parts."""
        return self.model_copy(update={"replaced": ()})

    def delta_version(self, table: str) -> int | None:
        """Which version of a table it was trained on; None where that has no versions, or it was not trained on it."""
        version = self.inputs.get(table)
        return version if isinstance(version, int) else None

    @property
    def judged_inputs(self) -> Inputs:
        """What it was trained and judged on, by table; before it is judged, what it was trained on."""
        return self.metrics.inputs if self.metrics and self.metrics.inputs else self.inputs


class Annotation(_Record):
    """What becomes known of a version after it was saved; what is not set stays as it is."""

    mlflow_run_id: str = ""
    metrics: MetricsRecord = MetricsRecord()
    decision: str = ""
    promoted_ts: str = ""
    replaced: tuple[ModelPart, ...] = ()
