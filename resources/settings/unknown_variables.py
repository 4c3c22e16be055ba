"""Misspelt environment variables are refused: one that no setting has would steer nothing, in silence. Pure.

Refused is a name below a prefix that only settings of the platform have, and, whatever its prefix, one that is nearly a
setting's name or a shorter form of it. Foreign variables (SPARK_HOME, MLFLOW_RUN_ID, SLACK_APP_TOKEN, AIRFLOW_HOME) are
let be.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from difflib import SequenceMatcher, get_close_matches

# The platform's, but not settings: who reads them is told in brackets.
OTHERS = frozenset(
    {
        "ALERT_EMAIL",  # exported DAGs
        "RECO_COMMAND",  # exported DAGs
        "RECO_PYTHON",  # exported DAGs
        "RECO_DEBUG",  # the command line
        "RECO_CRASH_AT",  # tests
    }
)
# First words of settings that other programs' variables have too.
SHARED = frozenset(
    {
        *("AIRFLOW", "ALERT", "DATA", "ETL", "EVALUATION", "EVENTS", "FEATURE", "FUTURE", "GOLD", "KAFKA", "LOCK"),
        *("MAINTENANCE", "ML", "MLFLOW", "MODEL", "MOVIE", "PROMOTION", "PUBLISH", "QUALITY", "RATING", "RUN"),
        *("SENSOR", "SILVER", "SLACK", "SMTP", "SPARK", "SPLIT", "STORAGE", "STREAM", "STREAMING", "TEST", "TOP"),
        *("TRAINING", "WORKSPACE"),
    }
)
# Set by programs, not by hand: Airflow for its tasks, Kubernetes for every service of a namespace, one named reco too.
_BY_PROGRAMS = re.compile(r"AIRFLOW_\w+|\w+_SERVICE_(HOST|PORT\w*)|\w+_PORT(_[0-9]+_(TCP|UDP|SCTP)\w*)?")
# Of similarity, from 0 to 1. RECO_SORCE_PATH has 0.97, TOPN 0.89; LAKEHOUSE_PATH and another program's
# WAREHOUSE_PATH 0.86, SPARK_MASTER and SPARK_MASTER_HOST 0.83.
NEARLY = 0.88
ALIKE = 0.8  # for a hint below a prefix of ours; RECO_IMAGE and RECO_SEED have 0.74
SHORTEST_WORD = 4  # of letters that a word may be cut to: TEST_FRAC, EVAL_K


def unknown_variables(environment: Mapping[str, str], known: Collection[str]) -> dict[str, str | None]:
    """{variable that is refused: the setting that it seems to mean}; `known` are the settings' names in upper case.

    A variable without a value is none. Upper and lower case are the same, as they are for settings.
    """
    ours = {name.partition("_")[0] for name in known} - SHARED
    found: dict[str, str | None] = {}
    for variable in sorted(name for name, value in environment.items() if value):
        name = variable.upper()
        if name in known or name in OTHERS or _BY_PROGRAMS.fullmatch(name):
            continue
        if name.partition("_")[0] in ours and "_" in name:
            found[variable] = next(iter(get_close_matches(name, known, n=1, cutoff=ALIKE)), _shortened(name, known))
        elif (near := _nearly(name, known) or _shortened(name, known)) is not None:
            found[variable] = near
    return found


def explain(unknown: Mapping[str, str | None]) -> list[str]:
    """One line for each variable that is refused."""
    return [
        f"{variable} is no setting of the platform. "
        + (f"Did you mean {meant}?" if meant else "Unset it; docs/settings.md has all of them.")
        for variable, meant in unknown.items()
    ]


def _nearly(name: str, known: Iterable[str]) -> str | None:
    # A setting's name and a word more is another program's: SLACK_CHANNEL_ID.
    others = [other for other in known if not name.startswith(f"{other}_")]
    near = [other for other in others if abs(len(other) - len(name)) <= (1 - NEARLY) * (len(other) + len(name))]
    matcher = SequenceMatcher(b=name, autojunk=False)  # of its two texts it keeps what it learned of the second
    for other in near:
        matcher.set_seq1(other)
        if matcher.quick_ratio() >= NEARLY and matcher.ratio() >= NEARLY:
            return other
    return None


def _shortened(name: str, known: Iterable[str]) -> str | None:
    """The one setting whose name lacks its last word in this one, or has words cut off: LOCK_TIMEOUT, TEST_FRAC."""
    words = name.split("_")
    found = [other for other in known if len(words) > 1 and _is_short_for(words, other.split("_"))]
    return found[0] if len(found) == 1 else None


def _is_short_for(words: Sequence[str], whole: Sequence[str]) -> bool:
    pairs = zip(words, whole, strict=False)
    return len(whole) - len(words) in (0, 1) and all(
        word == full or (len(word) >= SHORTEST_WORD and full.startswith(word)) for word, full in pairs
    )
