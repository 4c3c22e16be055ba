"""The versions of a family as tables: what each scored and on which ratings, and how it differed from the champion."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from reco_assets.cli.summary import add_row, lines_table, number

if TYPE_CHECKING:
    from rich.table import Table

    from reco_assets.models.interface import Family
    from reco_assets.models.record import DifferenceRecord, MetricsRecord, ModelRecord
    from resources.tables.lakehouse import Lakehouse

COLUMNS = ("warm RMSE", "streamed", "NDCG")
SAMPLED_COLUMNS = ("AUC, sampled", "NDCG@10, sampled", "hit rate@10, sampled", "NDCG, full")
INCOMPARABLE = "Figures on other ratings can't be compared with each other"

Records = Sequence["ModelRecord"]


def version_table(title: str, family: "Family", records: Records, roles: Mapping[str | None, str]) -> "Table":
    """The versions, oldest first, with what serves of them and their figures; a line between other test ratings."""
    columns = SAMPLED_COLUMNS if family.own else COLUMNS
    table = lines_table("version", "role", "judged on", "baselines", *columns, title=title, whole=(0, 1))
    for on, group in groupby(records, lambda record: judged_on(family, record.metrics)):
        for record in group:
            baselines = ", ".join(record.replaced)
            add_row(
                table, record.version, roles.get(record.version, ""), on, baselines, *_figures(record.metrics, columns)
            )
        table.add_section()
    return table


def difference_table(records: Records) -> "Table":
    """What each version would serve less what the champion of then served, both on the same test ratings."""
    title = "What a version would serve less what the champion of then served,\non the same test ratings"
    columns = ("version", "figure", "difference", "95 % interval", "users", "champion")
    table = lines_table(*columns, title=title, whole=range(6))
    for record in records:
        compared = record.metrics.comparison if record.metrics else None
        if compared and compared.ndcg and compared.rmse:
            for figure, found in (("NDCG", compared.ndcg), ("RMSE", compared.rmse)):
                add_row(table, record.version, figure, *_difference(found), compared.champion or "")
    return table


def judged_on(family: "Family", metrics: "MetricsRecord | None") -> str:
    """The ratings that a version was judged on: which Delta version of their table, and how many."""
    from reco_assets.tables import TEST_RATINGS

    if metrics is None:
        return ""
    at = metrics.inputs.get(family.own.made_from[0] if family.own else TEST_RATINGS.name)
    return f"{'a folder' if at is None else f'v{at}'}: {metrics.evaluation.test_count:,}"


def withdrawn_lines(lakehouse: "Lakehouse", family: "Family") -> Iterator[str]:
    """Which versions were trained or judged on batches that were withdrawn, and what to do where one of them serves."""
    from reco_assets.batches.finding import SHORT
    from reco_assets.models.versions.store import model_store
    from reco_assets.models.versions.withdrawn import on_withdrawn, way_out

    found = on_withdrawn(lakehouse, family)
    for version, learned in found.items():
        how = "trained" if learned.trained else "judged"
        names = ", ".join(batch[:SHORT] for batch in learned.trained or learned.judged)
        yield f"{version} was {how} on what was withdrawn: {names}"
    advice = way_out(model_store(lakehouse.settings, family), found) if found else None
    yield from filter(None, [advice])


def _difference(found: "DifferenceRecord") -> tuple[str, str, str]:
    users = "" if found.users is None else f"{found.users:,}"
    return f"{found.difference:+.4f}", f"{found.low:+.4f} to {found.high:+.4f}", users


def _figures(metrics: "MetricsRecord | None", columns: Sequence[str]) -> list[str]:
    if metrics is None:
        return [""] * len(columns)
    serves, streamed = metrics.serves, metrics.by_origin.get("stream")
    found = [metrics.evaluation.rmse, streamed.rmse if streamed else None, metrics.ranking.ndcg]
    if serves and serves.replaced:  # how baselines do on the streamed ones isn't told
        found = [serves.rmse, None if "stars" in serves.replaced else found[1], serves.ndcg]
    if metrics.sampled:
        scores = metrics.sampled.models["candidate"]
        found = [scores.auc, scores.ndcg, scores.hit_rate, metrics.ranking.ndcg]
    return [number(value, missing="") for value in found]
