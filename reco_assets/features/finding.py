"""What was found wrong with a version before readers got it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from resources.errors import RecoError

RULES, NO_LOOK_AHEAD = "rules_hold", "no_look_ahead"
SHOWN_ROWS = 5
LONGEST = 40  # of one value in a line; a feature per genre has many numbers


@dataclass(frozen=True)
class Finding:
    """A feature that breaks its rule or looks ahead: which check says so, how, and up to SHOWN_ROWS rows of it."""

    check: str
    feature: str
    text: str
    rows: Sequence[Mapping[str, Any]]

    def __str__(self) -> str:
        """One line."""
        examples = "; ".join(", ".join(f"{name}={_short(value)}" for name, value in row.items()) for row in self.rows)
        return f"Feature {self.feature} {self.text}, as in {examples}."


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


class FeatureCheckError(RecoError):
    """A version is not fit to be read; the message names feature, rule and rows, `findings` has them apart."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = list(findings)
        told = " ".join(map(str, findings))
        super().__init__(
            f"{told} The store stays as it was. Mend the data or the feature's declaration in "
            "reco_assets/features/declarations.py, then run it again: reco features compute."
        )
