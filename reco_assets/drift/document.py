"""What a drift report says to people: sentences, rows of tables, flat numbers. All from its JSON. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from reco_assets.drift.policy import DOCUMENTED, Reason, Verdict, as_document
from reco_assets.drift.signals import Signal
from resources.settings.drift import DriftSettings

Document = Mapping[str, Any]
NAME_SHOWN = 12  # of a batch's 64 characters

_SENTENCES = {
    Reason.DRIFT_ABOVE_THRESHOLD: "drift score {score:.2f} is above {threshold:g}",
    Reason.BELOW_THRESHOLD: "drift score {score:.2f} is not above {threshold:g}",
    Reason.NOT_SIGNIFICANT: "drift score {score:.2f} may be chance: its p-value is above {p_value:g}",
    Reason.INSUFFICIENT_DATA: "too few users to judge, {min_users} are needed; batches wait for more",
    Reason.INSUFFICIENT_USERS: "data or prediction drift is left out, as it rests on fewer than {min_users} users",
    Reason.INSUFFICIENT_WARM_PAIRS: "fewer than {min_warm_pairs} warm test pairs, so data drift decides",
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
    "prediction drift": "model_score",
    "score": "drift_score",
}
TERMS = {"kl": "kl", "mean": "mean_shift", "median": "median_shift"}
TERM_NAMES = {"kl": "other shape (KL divergence, nats)", "mean": "mean shift (stars)", "median": "median shift (stars)"}
SECTIONS = {"data_drift": "data (ratings)", "model_drift": "predictions"}


def explain(config: DriftSettings, verdict: Verdict, signals: Sequence[Signal]) -> str:
    """The verdict's reasons as one line."""
    values = {**as_document(config), "score": verdict.score}
    known = _SENTENCES | (_DOCUMENTED_SENTENCES if config.policy == DOCUMENTED else {})
    sentences = {str(reason): sentence for reason, sentence in known.items()}
    triggers = [each.triggers for each in signals if each.triggers]
    sentences |= {each.reason: each.sentence for each in triggers}
    limits = {each.reason: each.limit_in(config) for each in triggers}
    return "; ".join(sentences[reason].format(**values, limit=limits.get(reason)) for reason in verdict.reasons)


def in_words(window: Document) -> str:
    """The window that decides, and how much of what waits it is: a retraining takes all."""
    whole = f"{window['rows']:,} of {window['of_rows']:,} training ratings that wait, {window['share']:.0%}"
    return f"{window['name']}: {whole}"


def scalars(report: Document, signals: Sequence[Signal]) -> dict[str, float]:
    """Every number under a stable name; unknown ones are left out."""
    numbers: dict[str, Any] = {"drift_score": report["drift_score"]}
    for section, prefix in (("data_drift", "data"), ("model_drift", "model")):
        found = report[section]
        numbers[f"{section}_score"] = found["score"]
        for name in ("kl", "kl_corrected", "mean_shift", "median_shift", "p_value", "smallest_detectable_shift"):
            numbers[f"{prefix}_{name}"] = found.get(name)
        for name in ("rows", "users"):
            numbers[f"{prefix}_{name}"] = found.get(name, {}).get("current")
    for signal in signals:
        measured = report[signal.name] or {}
        numbers |= {name: measured.get(key) for name, key in signal.numbers.items()}
    numbers["performance_shift"] = report["performance_drift"].get("shift")
    window, pool = report["window"] or {}, report["pool"] or {}
    numbers |= {"pool_drift_score": pool.get("drift_score"), "deciding_share": window.get("share")}
    numbers["windows_judged"] = sum(window["judged"] for window in report["windows"]) or None
    return {name: float(value) for name, value in numbers.items() if value is not None}


def headline(report: Document) -> str:
    """The verdict in a few words, and what called for it where that isn't the score alone."""
    if not report["windows"]:
        return "Nothing was compared"
    called = called_by(report)
    because = f" ({in_short(called)})" if set(called) - {Reason.DRIFT_ABOVE_THRESHOLD} else ""
    return f"{'Retrain' if called else 'No retrain'}{because}: drift score {report['drift_score']:.2f}"


def called_by(report: Document) -> list[str]:
    """The codes of what calls for a retraining, the score or signals, the deciding one first; none where nothing does.

    Reports of earlier versions of the platform have no codes, and the score called.
    """
    if not report["should_retrain"]:
        return []
    codes = report.get("reason_codes", (Reason.DRIFT_ABOVE_THRESHOLD,))
    return [str(code) for code in codes if code == Reason.DRIFT_ABOVE_THRESHOLD or code not in set(Reason)]


def in_short(codes: Sequence[str]) -> str:
    """Codes of reasons as words."""
    return ", ".join(code.replace("_", " ") for code in codes)


def tables(report: Document, signals: Sequence[Signal]) -> list[tuple[str, list[list[str]]]]:
    """What made the score, the verdict of each policy, every window, the measures of the one that decides, signals.

    Each table is a title and rows of cells, the first row its header. There is no table where nothing was compared: the
    reason is all there is to say.
    """
    if not report["windows"]:
        return []
    return [
        ("What made the score", _term_rows(report)),
        ("What each policy says", _verdict_rows(report)),
        ("Which ratings were looked at", _window_rows(report)),
        ("Every measure", _score_rows(report)),
        ("Beside the score", _signal_rows(report, signals)),
    ]


def _term_rows(report: Document) -> list[list[str]]:
    """How much each measure adds to the scores of ratings and of predictions, by the documented formula."""
    weights, rows = report["config"]["weights"], []
    for name, title in SECTIONS.items():
        for measure, key in TERMS.items():
            if (value := report[name].get(key)) is not None:
                weight, limit = weights[f"{measure}_weight"], weights[f"{measure}_threshold"]
                parts = (value, weight, limit, weight * abs(value) / limit)
                rows.append([title, TERM_NAMES[measure], *map(_number, parts)])
    return [["of", "measure", "value", "weight", "threshold", "adds"], *rows]


def _verdict_rows(report: Document) -> list[list[str]]:
    rows = [["policy", "retrain", "window", "reasons", "all that waits alone"]]
    pool = report["pool"]["verdicts"]
    for name, verdict in report["verdicts"].items():
        decides = " (decides)" if name == report["policy"] else ""
        retrain, alone = (_yes(found[name]["should_retrain"]) for found in (report["verdicts"], pool))
        reasons = ", ".join(verdict["reason_codes"]).replace("_", " ")
        rows.append([name + decides, retrain, verdict["window"], reasons, alone])
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
    """Measures down; data and prediction drift across, of the window that decides and of all that waits."""
    columns = [(title, report[name]) for name, title in SECTIONS.items()]
    if len(report["windows"]) > 1:
        columns += [(f"{title}, all that waits", report["pool"][name]) for name, title in SECTIONS.items()]
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


def _signal_rows(report: Document, signals: Sequence[Signal]) -> list[list[str]]:
    rows = [["signal", "value"]]
    for signal in signals:
        measured = report[signal.name] or {}
        rows += [[line, _shown(measured.get(key))] for line, key in signal.shown.items()]
    return rows


def facts(report: Document) -> list[tuple[str, str]]:
    """What was compared: each fact's name and what it is."""
    batches, versions = report["batches"], report["delta_versions"].items()
    found = [
        ("report", report["report_id"]),
        ("champion", report["model_version"] or "none"),
        ("tables", ", ".join(f"{name} v{version}" for name, version in versions) or "none"),
        (f"batches ({batches['count']:,}), the newest first", _first(batches)),
        ("their files", ", ".join(batches.get("files", ())) or "none"),
    ]
    if not batches["count"]:
        return found
    corrections = f"{batches['corrections']:,}"
    return [*found, ("name of all batches together", batches["name"]), ("rows that correct a rating", corrections)]


def _first(batches: Document) -> str:
    named = [batch[:NAME_SHOWN] for batch in batches["newest"]]
    return ", ".join([*named, *(["…"] if batches["count"] > len(named) else [])]) or "none"


def _shown(value: float | list[float] | None) -> str:
    return _interval(value) if isinstance(value, list) else _number(value)


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
