"""A drift report as Markdown and as one page, with its plots. All from its JSON."""

from collections.abc import Sequence
from datetime import datetime

from reco_assets.drift.document import SECTIONS, Document, facts, headline, tables
from reco_assets.drift.performance import in_words
from reco_assets.drift.signals import Signal
from reco_assets.reports.page import png_address, render_page
from resources.text.plain_text import markdown_table


def markdown(report: Document, signals: Sequence[Signal]) -> str:
    """Performance drift, the verdict of both policies, every window, the scores of the one that decides, signals, what
    was compared.
    """
    performance = in_words(report["performance_drift"])
    lines = [f"### {performance}", ""] if performance else []
    lines += [f"### {headline(report)}", "", report["reason"], ""]
    for title, rows in tables(report, signals):
        lines += [f"#### {title}", "", *markdown_table(rows[0], rows[1:]), ""]
    lines += [f"{name}: {value}  " for name, value in facts(report)]
    return "\n".join(lines)


def plots(report: Document) -> str:
    """Reference against current per judged section, as PNGs inside markdown."""
    return "\n\n".join(f"![{name}]({address})" for name, address in _images(report))


def html(report: Document, signals: Sequence[Signal], made: datetime | None = None) -> str:
    """The whole report as one page: it loads nothing.

    `made`: when; only a report of the platform's own says that, and leads to the page of all of them.
    """
    kind = "retrain" if report["should_retrain"] else "" if report["windows"] else "nothing"
    return render_page(
        __package__,
        "report.html.jinja",
        made=f"{made:%Y-%m-%d %H:%M} UTC" if made else "",
        files=report["batches"].get("files", []),
        headline=headline(report),
        kind=kind,
        performance=in_words(report["performance_drift"]),
        performance_kind=report["performance_drift"]["status"],
        reason=report["reason"],
        tables=tables(report, signals),
        charts=[(title, *_rows(shares)) for title, shares in _judged(report)],
        facts=facts(report),
    )


def _judged(report: Document) -> list[tuple[str, Document]]:
    """Title and shares of each section that was judged."""
    return [(title, report[name]["distribution"]) for name, title in SECTIONS.items() if "distribution" in report[name]]


def _rows(shares: Document) -> tuple[list[tuple[str, float, float]], float]:
    """Each bin as (from … stars, current, reference), and the largest of all, in percent."""
    current, reference = ([100 * share for share in shares[side]] for side in ("current", "reference"))
    return list(zip(shares["from_stars"], current, reference, strict=True)), max(*current, *reference)


def _images(report: Document) -> list[tuple[str, str]]:
    """Name and address of each judged section's plot."""
    return [(f"{title}: reference against current", _bars(title, shares)) for title, shares in _judged(report)]


def _bars(title: str, shares: Document) -> str:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 2.6), layout="constrained")
    axes = figure.subplots()
    at = range(len(shares["from_stars"]))
    axes.bar([x - 0.2 for x in at], shares["reference"], 0.4, label="reference", color="#b8c0cc")
    axes.bar([x + 0.2 for x in at], shares["current"], 0.4, label="current", color="#3d6fb4")
    axes.set_xticks(list(at), shares["from_stars"])
    axes.set_title(f"{title}: share of rows per bin, from … stars", fontsize=9)
    figure.legend(fontsize=8, frameon=False, loc="outside right upper")  # on the bars it hides them
    axes.spines[["top", "right"]].set_visible(False)
    return png_address(figure)
