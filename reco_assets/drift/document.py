"""A drift report as people read it: a sentence, a table, plots, flat numbers, one page. All from its JSON."""

import base64
import io
from collections.abc import Mapping
from html import escape
from typing import Any

from reco_assets.drift.policy import DOCUMENTED, DriftConfig, Reason, Verdict

Document = Mapping[str, Any]
NAME_SHOWN = 12  # of a batch's 64 characters

_SENTENCES = {
    Reason.DRIFT_ABOVE_THRESHOLD: "drift score {score:.2f} is above {threshold:g}",
    Reason.BELOW_THRESHOLD: "drift score {score:.2f} is not above {threshold:g}",
    Reason.NOT_SIGNIFICANT: "drift score {score:.2f} may be chance: its p-value is above {p_value:g}",
    Reason.INSUFFICIENT_DATA: "too few users to judge, {min_users} are needed; batches wait for more",
    Reason.INSUFFICIENT_USERS: "data or model drift is left out, as it rests on fewer than {min_users} users",
    Reason.INSUFFICIENT_WARM_PAIRS: "fewer than {min_warm_pairs} warm test pairs, so data drift decides",
    Reason.RMSE_WORSE: "the champion's RMSE is worse on the new labels by more than {rmse_trigger} stars",
    Reason.NO_BATCHES: "no batch is waiting",
    Reason.NO_CHAMPION: "there is no champion to compare with; train one first: reco train",
}
# The documented policy needs no number of users: it lacks data only where nothing can be compared.
_DOCUMENTED_SENTENCES = {Reason.INSUFFICIENT_DATA: "no training rating waits, so there is nothing to compare"}
_COLUMNS = {
    "window": "name",
    "batches": "batches",
    "training rows": "rows",
    "users": "users",
    "warm test pairs": "warm_pairs",
    "data drift": "data_score",
    "model drift": "model_score",
    "score": "drift_score",
}
_SECTIONS = {"data_drift": "data (ratings)", "model_drift": "model (predictions)"}
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2430}"
    "table{border-collapse:collapse;margin:1rem 0}td,th{padding:.25rem .8rem;border-bottom:1px solid #d8dee8;"
    "text-align:left}.verdict{padding:.8rem 1rem;border-radius:6px;background:#e6f2e6}"
    ".retrain{background:#fbe6da}.nothing{background:#e9ebef}img{max-width:100%}code{font-size:.9em;overflow-wrap:anywhere}"
)


def explain(config: DriftConfig, verdict: Verdict) -> str:
    """The verdict's reasons as one line."""
    values = {**config.as_dict(), "score": verdict.score}
    sentences = _SENTENCES | (_DOCUMENTED_SENTENCES if config.policy == DOCUMENTED else {})
    return "; ".join(sentences[reason].format(**values) for reason in verdict.reasons)


def in_words(window: Document) -> str:
    """The window that decides, and how much of what waits it is: a retraining takes all."""
    whole = f"{window['rows']:,} of {window['of_rows']:,} training ratings that wait, {window['share']:.0%}"
    return f"{window['name']}: {whole}"


def scalars(report: Document) -> dict[str, float]:
    """Every number under a stable name; unknown ones are left out."""
    numbers: dict[str, Any] = {"drift_score": report["drift_score"]}
    for section, prefix in (("data_drift", "data"), ("model_drift", "model")):
        found = report[section]
        numbers[f"{section}_score"] = found["score"]
        for name in ("kl", "kl_corrected", "mean_shift", "median_shift", "p_value", "smallest_detectable_shift"):
            numbers[f"{prefix}_{name}"] = found.get(name)
        for name in ("rows", "users"):
            numbers[f"{prefix}_{name}"] = found.get(name, {}).get("current")
    for name, prefix in (("users", "user"), ("movies", "movie")):
        mix = report[name] or {}
        numbers[f"new_{prefix}_share"] = mix.get("new_share")
        numbers[f"{prefix}_mix_divergence"] = mix.get("divergence")
    window, pool = report["window"] or {}, report["pool"] or {}
    numbers |= {"pool_drift_score": pool.get("drift_score"), "deciding_share": window.get("share")}
    numbers["windows_judged"] = sum(window["judged"] for window in report["windows"]) or None
    rmse = report["rmse"] or {}
    numbers |= {f"rmse_{name}": rmse.get(name) for name in ("reference", "current", "shift")}
    return {name: float(value) for name, value in numbers.items() if value is not None}


def markdown(report: Document) -> str:
    """The verdict of both policies, every window, the scores of the one that decides, signals, what was compared."""
    lines = [f"### {_headline(report)}", "", report["reason"], ""]
    for rows in _tables(report):
        lines += [*_table(rows), ""]
    lines += [f"{name}: {value}  " for name, value in _facts(report)]
    return "\n".join(lines)


def plots(report: Document) -> str:
    """Reference against current per judged section, as PNGs inside markdown."""
    return "\n\n".join(f"![{name}]({image})" for name, image in _images(report))


def html(report: Document) -> str:
    """The whole report as one page: styles and images inside, nothing to load."""
    judged = bool(report["windows"])
    kind = "verdict retrain" if report["should_retrain"] else "verdict" if judged else "verdict nothing"
    images = "".join(f'<img alt="{escape(name)}" src="{image}">' for name, image in _images(report))
    tables = "".join(_html_table(rows) for rows in _tables(report))
    facts = "".join(f"<li>{escape(name)}: <code>{escape(value)}</code></li>" for name, value in _facts(report))
    return (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{escape(_headline(report))}</title>'
        f"<style>{_STYLE}</style>\n<h1>Drift report</h1>"
        f'<p class="{kind}"><strong>{escape(_headline(report))}</strong><br>{escape(report["reason"])}</p>'
        f"\n{tables}\n{images}\n<ul>{facts}</ul></html>\n"
    )


def _headline(report: Document) -> str:
    if not report["windows"]:
        return "Nothing was compared"
    return f"{'Retrain' if report['should_retrain'] else 'No retrain'}: drift score {report['drift_score']:.2f}"


def _tables(report: Document) -> list[list[list[str]]]:
    """None where nothing was compared: the reason is all there is to say."""
    if not report["windows"]:
        return []
    return [_verdict_rows(report), _window_rows(report), _score_rows(report), _signal_rows(report)]


def _verdict_rows(report: Document) -> list[list[str]]:
    rows = [["policy", "retrain", "window", "reasons", "all that waits alone"]]
    pool = report["pool"]["verdicts"]
    for name, verdict in report["verdicts"].items():
        decides = " (decides)" if name == report["policy"] else ""
        retrain, alone = (_yes(found[name]["should_retrain"]) for found in (report["verdicts"], pool))
        rows.append([name + decides, retrain, verdict["window"], ", ".join(verdict["reason_codes"]), alone])
    return rows


def _window_rows(report: Document) -> list[list[str]]:
    """A window per line, the newest first; one that is too small for its score to count says so."""
    rows = [[*_COLUMNS, ""]]
    for window in report["windows"]:
        cells = [_cell(window[key]) for key in _COLUMNS.values()]
        rows.append(
            [*cells, "decides" if window["decides"] else "" if window["judged"] else _too_small(report, window)]
        )
    return rows


def _too_small(report: Document, window: Document) -> str:
    few = f"not judged: fewer than {report['config']['min_window_rows']:,} training rows"
    return few if window["bar"] is None else f"{few} and a score not above {_number(window['bar'])}"


def _score_rows(report: Document) -> list[list[str]]:
    """Measures down; data and model drift across, of the window that decides and of all that waits."""
    columns = [(title, report[name]) for name, title in _SECTIONS.items()]
    if len(report["windows"]) > 1:
        columns += [(f"{title}, all that waits", report["pool"][name]) for name, title in _SECTIONS.items()]
    sections = [section for _, section in columns]

    def each(key: str) -> list[str]:
        return [_number(section.get(key)) for section in sections]

    def interval(key: str) -> list[str]:
        return [_interval(section.get(key)) for section in sections]

    def sizes(key: str) -> list[str]:
        return [" / ".join(f"{n:,}" for n in section.get(key, {}).values()) for section in sections]

    return [
        ["drift", *(title for title, _ in columns)],
        ["status", *(section["status"] for section in sections)],
        ["score", *each("score")],
        ["score, 95 % interval", *interval("score_interval")],
        ["p-value", *each("p_value")],
        ["p-value times windows judged", *each("p_value_corrected")],
        ["KL divergence (nats)", *each("kl")],
        ["KL beyond chance (nats)", *each("kl_corrected")],
        ["mean shift (stars)", *each("mean_shift")],
        ["mean shift, 95 % interval", *interval("mean_shift_interval")],
        ["smallest detectable mean shift", *each("smallest_detectable_shift")],
        ["median shift (stars)", *each("median_shift")],
        ["rows, reference / current", *sizes("rows")],
        ["users, reference / current", *sizes("users")],
    ]


def _signal_rows(report: Document) -> list[list[str]]:
    rows = [["signal", "value"]]
    for name in ("users", "movies"):
        mix = report[name] or {}
        rows += [
            [f"new {name}, share of {name}", _number(mix.get("new_share"))],
            [f"new {name}, share of ratings", _number(mix.get("new_row_share"))],
            [f"mix of known {name}, Jensen-Shannon (bits)", _number(mix.get("divergence"))],
        ]
    rmse = report["rmse"] or {}
    return [
        *rows,
        ["champion's warm RMSE, original test", _number(rmse.get("reference"))],
        ["champion's warm RMSE, new test", _number(rmse.get("current"))],
        ["RMSE shift (stars)", _number(rmse.get("shift"))],
        ["RMSE shift, 95 % interval", _interval(rmse.get("interval"))],
    ]


def _facts(report: Document) -> list[tuple[str, str]]:
    batches, tables = report["batches"], report["delta_versions"].items()
    facts = [
        ("report", report["report_id"]),
        ("champion", report["model_version"] or "none"),
        ("tables", ", ".join(f"{name} v{version}" for name, version in tables) or "none"),
        (f"batches ({batches['count']:,}), the newest first", _first(batches)),
    ]
    if not batches["count"]:
        return facts
    corrections = f"{batches['corrections']:,}"
    return [*facts, ("name of all batches together", batches["name"]), ("rows that correct a rating", corrections)]


def _first(batches: Document) -> str:
    named = [batch[:NAME_SHOWN] for batch in batches["newest"]]
    return ", ".join([*named, *(["…"] if batches["count"] > len(named) else [])]) or "none"


def _images(report: Document) -> list[tuple[str, str]]:
    """Name and data URI of each judged section's plot."""
    judged = [
        (title, report[name]["distribution"]) for name, title in _SECTIONS.items() if "distribution" in report[name]
    ]
    return [(f"{title}: reference against current", _bars(title, shares)) for title, shares in judged]


def _bars(title: str, shares: Document) -> str:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 2.6), layout="constrained")
    axes = figure.subplots()
    at = range(len(shares["from_stars"]))
    axes.bar([x - 0.2 for x in at], shares["reference"], 0.4, label="reference", color="#b8c0cc")
    axes.bar([x + 0.2 for x in at], shares["current"], 0.4, label="current", color="#3d6fb4")
    axes.set_xticks(list(at), shares["from_stars"])
    axes.set_title(f"{title}: share of rows per bin, from … stars", fontsize=9)
    axes.legend(fontsize=8, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=80)
    return f"data:image/png;base64,{base64.b64encode(image.getvalue()).decode()}"


def _table(rows: list[list[str]]) -> list[str]:
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return [lines[0], "|---" * len(rows[0]) + "|", *lines[1:]]


def _html_table(rows: list[list[str]]) -> str:
    head, *body = ["".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in row) for tag, row in _tagged(rows)]
    return f"<table><tr>{head}</tr>{''.join(f'<tr>{row}</tr>' for row in body)}</table>\n"


def _tagged(rows: list[list[str]]) -> list[tuple[str, list[str]]]:
    return [("th" if at == 0 else "td", row) for at, row in enumerate(rows)]


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _cell(value: str | float | None) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return value if isinstance(value, str) else _number(value)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _interval(ends: list[float] | None) -> str:
    return " to ".join(_number(end) for end in ends or ())
