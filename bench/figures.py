"""From what was measured to ratios: a table to print, one for docs/performance.md, and its plot."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

ETL = ("bronze", "silver", "split")
RATINGS = {"100k": 100_000, "1m": 1_000_000, "5m": 5_000_000, "20m": 20_000_000}
SMALL = "ml-latest-small"
LARGEST = "20m"
ASKED_OF = (SMALL, LARGEST)  # the sizes that limits are for
LINEAR = 1.0
KEPT, MISSED = "✓", "✗"
BEGIN, END = "<!-- measured: written by bench/run.py --write -->\n", "<!-- end of what was measured -->\n"
PLOT = "performance.png"
SHOWN = f"![Seconds by number of ratings]({PLOT})\n"
SAME_ENTRIES = "rating fit of the ranking fit's entries"


@dataclass(frozen=True)
class Took:
    """Stages of a part; none named: the whole process."""

    part: str
    stages: tuple[str, ...] = ()


@dataclass(frozen=True)
class Limits:
    """What is asked of ours: at most so many times the peer's seconds, so many seconds, so much memory in MiB."""

    ratio: float | None = None
    seconds: float | None = None
    mib: float | None = None

    def judged(self, seconds: float, theirs: float, mib: float) -> str:
        """Each limit with a mark of whether it is kept; the figures as they are printed decide."""
        told = (
            (self.ratio, seconds / theirs, "≤ {:g}"),
            (self.seconds, seconds, "≤ {:g} s"),
            (self.mib, mib, "≤ {:,.0f} MiB"),
        )
        return ", ".join(
            f"{text.format(limit)} {mark(round(found, 2) <= limit)}" for limit, found, text in told if limit is not None
        )


@dataclass(frozen=True)
class Compared:
    """A row: ours beside a peer's, what is asked for, and what is taken off ours before it is compared."""

    name: str
    ours: Took
    peer: str
    theirs: Took
    limits: Limits = Limits()
    without: Took | None = None


def _stages_by_hand() -> Iterator[Compared]:
    for name in (*ETL, "train", "evaluate", "serve"):
        yield Compared(name, Took("main", (name,)), "by hand", Took("main_by_hand", (name,)))


TOP_N, RANKING = Took("fit", ("top-n",)), Took("fit", ("ranking fit",))
COMPARED = (
    *_stages_by_hand(),
    Compared("ETL", Took("main", ETL), "polars + delta-rs", Took("main_by_hand", ETL), Limits(1.2)),
    Compared("ETL", Took("main", ETL), "DuckDB", Took("etl_duckdb", ETL)),
    Compared("ranking fit", RANKING, "implicit", Took("fit_implicit", ("ranking fit",)), Limits(1.1)),
    Compared("ranking fit", RANKING, "MLlib", Took("fit_mllib", ("ranking fit",))),
    Compared("rating fit, rank 50", Took("fit", (SAME_ENTRIES,)), "our ranking fit", RANKING, Limits(1.1)),
    Compared("top-10 of all users", TOP_N, "implicit", Took("fit_implicit", ("top-n",)), Limits(0.9)),
    Compared("top-10 of all users", TOP_N, "MLlib", Took("fit_mllib", ("top-n",))),
    Compared("evaluation beyond a top-10", Took("main", ("evaluate",)), "our top-10", TOP_N, Limits(1.0), TOP_N),
    Compared("checks of silver/ratings", Took("checks", ("checks",)), "pandera", Took("checks_pandera", ("checks",))),
    Compared(
        "checks of silver/ratings",
        Took("checks", ("checks",)),
        "Great Expectations",
        Took("checks_great_expectations", ("checks",)),
    ),
    Compared("drift report", Took("drift", ("drift",)), "Evidently", Took("drift_evidently", ("drift",))),
    Compared(
        "whole main job", Took("main"), "polars + implicit by hand", Took("main_by_hand"), Limits(1.3, mib=6 * 1024)
    ),
    Compared("ml-latest-small, cold", Took("cold"), "import dagster", Took("import_dagster"), Limits(seconds=8)),
    *(
        Compared(name, took, "import dagster", Took("import_dagster"))
        for name, took in (
            ("dagster asset materialize, one table", Took("materialize")),
            ("reco recommend", Took("recommend")),
            ("sensor-started run", Took("sensor_run", ("sensor-started run",))),
            ("from a file to its drift report", Took("sensor_run", ("from the file to its drift report",))),
        )
    ),
    Compared(
        "ml-latest-small on Spark, cold",
        Took("cold_spark"),
        "import dagster",
        Took("import_dagster"),
        Limits(seconds=45),
    ),
)
HEADER = ("ratings", "", "ours, s", "beside", "theirs, s", "ratio", "to reach", "ours, MiB", "theirs, MiB")
GROWING = (
    *(Took("main", (name,)) for name in (*ETL, "futures", "train", "evaluate", "serve")),
    RANKING,
    Took("fit", ("rating fit",)),
    TOP_N,
    Took("checks", ("checks",)),
    Took("drift", ("drift",)),
)


def rows(sizes: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """The cells of `HEADER` for everything that both sides were measured of."""
    for size, parts in sizes.items():
        for row in COMPARED:
            ours, theirs = took(parts, row.ours), took(parts, row.theirs)
            less = took(parts, row.without) if row.without else (0.0, 0.0)
            if ours is None or theirs is None or less is None:
                continue
            seconds = max(0.0, ours[0] - less[0])
            asked = row.limits.judged(seconds, theirs[0], ours[1]) if size in ASKED_OF else ""
            memory = f"{ours[1]:,.0f}", f"{theirs[1]:,.0f}"
            yield (
                size,
                row.name,
                f"{seconds:.2f}",
                row.peer,
                f"{theirs[0]:.2f}",
                f"{seconds / theirs[0]:.2f}",
                asked,
                *memory,
            )


def by_size(sizes: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """A stage and its seconds at each size, then a rating's time at the largest by that at 1 M (linear: 1)."""
    for what in GROWING:
        found = [took(sizes.get(size, {}), what) for size in RATINGS]
        cells = [f"{seconds[0]:.2f}" if seconds else "" for seconds in found]
        by_size = dict(zip(RATINGS, found, strict=True))
        middle, largest = by_size["1m"], by_size[LARGEST]
        slower = ""
        if middle and largest:
            times = round(largest[0] / middle[0] / (RATINGS[LARGEST] / RATINGS["1m"]), 2)
            slower = f"{times:.2f} {mark(times <= LINEAR)}"
        if any(cells):
            yield what.stages[0], *cells, slower


def took(parts: Mapping[str, Any], what: Took) -> tuple[float, float] | None:
    """Seconds and peak memory in MiB; None where it was not measured."""
    part = parts.get(what.part)
    if part is None:
        return None
    if not what.stages:
        return part["seconds"], part["peak_mib"]
    stages = {stage["stage"]: stage for stage in part["stages"]}
    chosen = [stages[name] for name in what.stages if name in stages]
    if len(chosen) < len(what.stages):
        return None
    return sum(stage["seconds"] for stage in chosen), max(stage["peak_mib"] for stage in chosen)


def mark(is_kept: bool) -> str:
    """A mark for a limit."""
    return KEPT if is_kept else MISSED


def missed(document: Mapping[str, Any]) -> list[str]:
    """The lines of both tables where a limit is not kept."""
    lines = [line for _, lines in _tables(document["sizes"]) for line in lines]
    return [" | ".join(filter(None, line)) for line in lines if any(MISSED in cell for cell in line)]


def print_ratios(document: Mapping[str, Any]) -> None:
    """Print both tables."""
    for header, lines in _tables(document["sizes"]):
        table = Table(*header)
        for line in lines:
            table.add_row(*line)
        Console(width=160).print(table)


def write_documents(document: Mapping[str, Any], docs: Path) -> None:
    """Write the tables into performance.md, between its marks, and the plot beside it."""
    page = docs / "performance.md"
    before, _, rest = page.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    found = document["conditions"]
    machine = f"{found['processor']}, {found['cores']} cores, {found['memory_gib']} GiB"
    others = max((part["others"] for parts in document["sizes"].values() for part in parts.values()), default=0.0)
    busy = f"before a part others kept at most {others:g} cores busy"
    where = f"{machine}, Python {found['python']}, commit {found['commit']}; {busy}"
    tables = "\n".join(_markdown(header, lines) for header, lines in _tables(document["sizes"]))
    page.write_text(f"{before}{BEGIN}\nMeasured on {where}.\n\n{tables}\n{SHOWN}\n{END}{after}")
    plot(document["sizes"], docs / PLOT)


def plot(sizes: Mapping[str, Any], path: Path) -> None:
    """Seconds by size, ours and the fastest peer's, a panel each for what is asked for a ratio of."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    shown = [row for row in COMPARED if row.limits.ratio and row.without is None and row.peer != "our ranking fit"]
    figure, axes = plt.subplots(1, len(shown), figsize=(3.2 * len(shown), 3.2), layout="constrained")
    for row, ax in zip(shown, axes, strict=True):
        for label, what, style in (("ours", row.ours, "o-"), (row.peer, row.theirs, "s--")):
            found = {RATINGS[size]: took(sizes.get(size, {}), what) for size in RATINGS}
            there = {ratings: seconds[0] for ratings, seconds in found.items() if seconds}
            ax.plot([*there], [*there.values()], style, label=label)
        ax.set(xscale="log", yscale="log", title=row.name, xlabel="ratings")
        ax.legend(fontsize="small")
    axes[0].set_ylabel("seconds")
    figure.savefig(path, dpi=80, metadata={"Software": None})  # 50 kB; as SVG it was 2,500 lines


def _tables(sizes: Mapping[str, Any]) -> Iterator[tuple[Sequence[str], list[tuple[str, ...]]]]:
    yield HEADER, list(rows(sizes))
    yield ("seconds of", *RATINGS, "1 M to 20 M, a rating"), list(by_size(sizes))


def _markdown(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    table = [f"| {' | '.join(line)} |" for line in (header, *lines)]
    return "\n".join([table[0], "|---" * len(header) + "|", *table[1:], ""])
