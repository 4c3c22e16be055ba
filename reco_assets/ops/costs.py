"""What models, batches, tables and days cost: sums over the stages of runs. Pure."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from reco_assets.ops.stage import Stage
from resources.errors import RecoError

HOUR = 3600
Key = TypeVar("Key", bound=Hashable)
Document = Mapping[str, Any]


class NotNotedError(RecoError):
    """No stage is noted of what was asked about; the message says what there is."""


@dataclass(frozen=True)
class Cost:
    """What stages, or shares of them, came to: seconds are sums, peak_memory_mib is the highest of any stage."""

    stages: int = 0
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_memory_mib: float = 0.0

    def plus(self, stage: Stage, share: float = 1.0) -> "Cost":
        """The same with one more stage, or a share of it."""
        return Cost(
            self.stages + 1,
            self.wall_seconds + share * stage.wall_seconds,
            self.cpu_seconds + share * stage.cpu_seconds,
            max(self.peak_memory_mib, stage.peak_memory_mib),
        )


def sums(stages: Iterable[Stage], shares: Callable[[Stage], Mapping[Key, float]]) -> dict[Key, Cost]:
    """What each key cost, the newest first; `shares` says which part of a stage is whose, and comes to 1."""
    found: dict[Key, Cost] = {}
    for stage in sorted(stages, key=lambda each: each.started_ts, reverse=True):
        for key, share in shares(stage).items():
            found[key] = found.get(key, Cost()).plus(stage, share)
    return found


def to_model(stage: Stage) -> dict[str | None, float]:
    """A stage is all its model's; None's where it was about none."""
    return {stage.model_version: 1.0}


def to_batches(stage: Stage) -> dict[str | None, float]:
    """Batches share a stage evenly; None has the shares of those that are not named, and stages without a batch."""
    share = 1 / max(stage.batch_count, len(stage.batches), 1)
    rest = 1 - share * len(stage.batches)
    return dict.fromkeys(stage.batches, share) | ({None: rest} if rest > share / 2 else {})


def to_day(stage: Stage) -> dict[str, float]:
    """A stage is the day's (UTC) on which it began."""
    return {f"{stage.started_ts:%Y-%m-%d}": 1.0}


def overview(stages: Sequence[Stage], price: float | None = None) -> Document:
    """All there is, as plain JSON: the total, then by model, batch, table and day, the newest first.

    `price`: of one processor for an hour; None: no cost in money.
    """
    return {
        "total": _figures(_total(stages), price) | {"runs": len({stage.run_id for stage in stages})},
        "models": [{"model": key, **_figures(cost, price)} for key, cost in sums(stages, to_model).items()],
        "batches": [{"batch": key, **_figures(cost, price)} for key, cost in sums(stages, to_batches).items()],
        "tables": _tables(stages, price),
        "days": [{"day": key, **_figures(cost, price)} for key, cost in sums(stages, to_day).items()],
    }


def model_costs(stages: Iterable[Stage], version: str, price: float | None = None) -> Document:
    """The stages of one version, the newest first, and their total. Raises `NotNotedError`."""
    stages = list(stages)
    found = [stage for stage in stages if stage.model_version == version]
    if not found:
        known = dict.fromkeys(stage.model_version for stage in reversed(stages) if stage.model_version)
        raise NotNotedError(f"No stage of model {version} is noted. There are: {_some(known)}.")
    return {"model": version, "total": _figures(_total(found), price), "stages": _listed(found, price)}


def batch_costs(stages: Iterable[Stage], named: str, price: float | None = None) -> Document:
    """One batch's shares of stages, the newest first, and their total; `named`: its id, or how that begins.

    Raises `NotNotedError`, also where several batches begin so.
    """
    stages = list(stages)
    known = dict.fromkeys(batch for stage in reversed(stages) for batch in stage.batches)
    meant = [batch for batch in known if batch.startswith(named)]
    if len(meant) != 1:
        said = f"{len(meant)} batches begin with {named}" if meant else f"No stage of batch {named} is noted"
        raise NotNotedError(f"{said}. There are: {_some(meant or known)}.")
    found = [stage for stage in stages if meant[0] in stage.batches]
    shares = [to_batches(stage)[meant[0]] for stage in found]
    total = sums(found, to_batches)[meant[0]]
    listed = _listed(found, price, shares)
    return {"batch": meant[0], "total": _figures(total, price), "stages": listed}


def table_costs(stages: Iterable[Stage], name: str, price: float | None = None) -> Document:
    """Every write of a table or another asset, the newest first, and their total. Raises `NotNotedError`."""
    stages = list(stages)
    found = [stage for stage in stages if any(each.asset == name for each in stage.written)]
    if not found:
        known = sorted({each.asset for stage in stages for each in stage.written})
        raise NotNotedError(f"No write of {name} is noted. There are: {', '.join(known) or 'none'}.")
    pairs = zip(_listed(found, price), _newest_first(found), strict=True)
    writes = [shown | _sum_written([stage], name) for shown, stage in pairs]
    return {"table": name, "total": _figures(_total(found), price), "writes": writes}


def _tables(stages: Sequence[Stage], price: float | None) -> list[Document]:
    wrote: dict[str, list[Stage]] = {}
    for stage in _newest_first(stages):
        for each in stage.written:
            wrote.setdefault(each.asset, []).append(stage)
    return [
        {"table": name, **_figures(_total(found), price), **_sum_written(found, name)} for name, found in wrote.items()
    ]


def _sum_written(stages: Iterable[Stage], name: str) -> dict[str, Any]:
    written = [each for stage in stages for each in stage.written if each.asset == name]
    counts = [each.rows for each in written if each.rows is not None]
    return {"rows": sum(counts) if counts else None, "bytes": sum(each.bytes for each in written)}


def _total(stages: Iterable[Stage]) -> Cost:
    total = Cost()
    for stage in stages:
        total = total.plus(stage)
    return total


def _listed(
    stages: Sequence[Stage], price: float | None, shares: Sequence[float] | None = None
) -> list[dict[str, Any]]:
    """Stages as they are shown, the newest first."""
    rows = zip(stages, shares or [1.0] * len(stages), strict=True)
    return [
        {
            "started": f"{stage.started_ts:%Y-%m-%dT%H:%M:%SZ}",
            "stage": stage.stage,
            "job": stage.job,
            "run_id": stage.run_id,
            "outcome": stage.outcome,
            **_figures(Cost().plus(stage, share), price),
            **({"share": share} if shares else {}),
        }
        for stage, share in sorted(rows, key=lambda row: row[0].started_ts, reverse=True)
    ]


def _newest_first(stages: Iterable[Stage]) -> list[Stage]:
    return sorted(stages, key=lambda stage: stage.started_ts, reverse=True)


def _figures(cost: Cost, price: float | None) -> dict[str, Any]:
    money = {} if price is None else {"cost": cost.cpu_seconds / HOUR * price}
    return asdict(cost) | money


def _some(known: Iterable[str]) -> str:
    """The first of some names."""
    names = list(known)
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "") if names else "none"
