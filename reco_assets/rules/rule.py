"""A rule of editors, as text and as it is kept: what it does to which movies, for whom, when and why. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from resources.errors import RecoError

ACTIONS = ("hide", "boost")
SUBJECTS = ("movie", "genre", "year")
FIELDS = ("action", "subject", "value", "user_id", "factor", "from", "until", "reason")
LARGEST_ID = 2**31 - 1
GREATEST_FACTOR = 10.0
LONGEST_REASON = 500


class RuleError(RecoError):
    """A rule that can't be kept; the message says which field is wrong, and what it must be."""


@dataclass(frozen=True)
class Draft:
    """What a rule says.

    Attributes:
        action: Hidden movies are in no list of those whom the rule covers; a boosted movie's score is multiplied.
        subject: What `value` names: a movie by its id, a genre as silver/movies spells it, or a release year.
        value: Which one.
        user_id: Whom the rule covers; None: everyone.
        factor: What scores are multiplied by, more than 1 and at most `GREATEST_FACTOR`; None: movies are hidden.
        from_day: The first day (UTC) on which it is in force.
        until_day: The last one; None: it has no end.
        reason: Why, for whoever reads it later.
    """

    action: str
    subject: str
    value: str
    user_id: int | None
    factor: float | None
    from_day: date
    until_day: date | None
    reason: str

    @property
    def in_words(self) -> str:
        """What it does, for whom and when."""
        does = "hides" if self.factor is None else f"multiplies by {self.factor:g} the scores of"
        whom = "everyone" if self.user_id is None else f"user {self.user_id}"
        until = f" until {self.until_day}" if self.until_day else ""
        return f"{does} {self.subject} {self.value} for {whom}, from {self.from_day}{until}"


@dataclass(frozen=True)
class Rule:
    """A draft that was added, with its number; it stays in the table when it is removed, as lists of before kept it."""

    rule_id: int
    draft: Draft
    added_ts: datetime
    removed_ts: datetime | None = None

    def in_force(self, at: datetime) -> bool:
        """Whether lists made at a time (UTC) keep the rule."""
        added = self.added_ts <= at and (self.removed_ts is None or at < self.removed_ts)
        until = self.draft.until_day
        return added and self.draft.from_day <= at.date() and (until is None or at.date() <= until)

    def state(self, now: datetime) -> str:
        """Whether it is in force at a time (UTC), not yet, or no more."""
        if self.removed_ts is not None:
            return "removed"
        if self.in_force(now):
            return "in force"
        return "later" if now.date() < self.draft.from_day else "over"


def draft_of(fields: Mapping[str, str], today: date) -> Draft:
    """The draft that fields of text make, named as `FIELDS`; one that is missing or empty is left out.

    Raises `RuleError`.
    """
    given = {name: value.strip() for name, value in fields.items() if value and value.strip()}
    action, subject = _one_of(given, "action", ACTIONS), _one_of(given, "subject", SUBJECTS)
    from_day = _day(given, "from") or today
    until_day = _day(given, "until")
    if until_day and until_day < from_day:
        raise RuleError(f"until: {until_day} is before from, {from_day}; give the last day on which it is in force")
    user = given.get("user_id")
    return Draft(
        action=action,
        subject=subject,
        value=_value(given, subject),
        user_id=None if user is None else _whole_number("user_id", user, LARGEST_ID),
        factor=_factor(given, action),
        from_day=from_day,
        until_day=until_day,
        reason=_reason(given),
    )


def _one_of(given: Mapping[str, str], name: str, words: tuple[str, ...]) -> str:
    if given.get(name) not in words:
        raise RuleError(f"{name}: {_shown(given.get(name))} must be one of {', '.join(words)}")
    return given[name]


def _value(given: Mapping[str, str], subject: str) -> str:
    value = given.get("value")
    if value is None:
        raise RuleError(f"value: say which {subject}")
    if subject == "genre":
        return value
    return str(_whole_number("value", value, LARGEST_ID if subject == "movie" else 9999))


def _whole_number(name: str, text: str, highest: int) -> int:
    if not re.fullmatch(r"[0-9]{1,10}", text) or int(text) > highest:
        raise RuleError(f"{name}: {_shown(text)} must be a whole number of at least 0 and at most {highest}")
    return int(text)


def _factor(given: Mapping[str, str], action: str) -> float | None:
    text = given.get("factor")
    if action == "hide":
        if text is not None:
            raise RuleError("factor: a rule that hides has none; leave it out")
        return None
    try:
        factor = float(text or "")
    except ValueError:
        factor = 0.0
    if not 1 < factor <= GREATEST_FACTOR:
        raise RuleError(f"factor: {_shown(text)} must be a number greater than 1 and at most {GREATEST_FACTOR:g}")
    return factor


def _day(given: Mapping[str, str], name: str) -> date | None:
    text = given.get(name)
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise RuleError(f"{name}: {_shown(text)} must be a day as 2026-12-31") from None


def _reason(given: Mapping[str, str]) -> str:
    reason = given.get("reason", "")
    if not 1 <= len(reason) <= LONGEST_REASON:
        raise RuleError(f"reason: say why, in at most {LONGEST_REASON} letters")
    return reason


def _shown(text: str | None) -> str:
    return "nothing" if text is None else repr(text[:50])
