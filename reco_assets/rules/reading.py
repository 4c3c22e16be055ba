"""The table of rules: read, added to and taken from; and what is in force at a moment.

A rule that is removed stays with the time of its removal, so that it can be told of any list which rules it was to
keep.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from reco_assets.rules.catalogue import COLUMNS, NO_MOVIES, Catalogue
from reco_assets.rules.editing import Policy
from reco_assets.rules.rule import Draft, Rule, RuleError
from reco_assets.tables import RULES, SILVER_MOVIES
from resources.tables.lakehouse import Lakehouse


def read_rules(lakehouse: Lakehouse) -> list[Rule]:
    """All rules there ever were, by their numbers. Raises `LakehouseError`."""
    if not lakehouse.exists(RULES.name):
        return []
    rows = lakehouse.dataset(RULES.name).to_table().sort_by("rule_id").to_pylist()
    return [_rule(row) for row in rows]


def policy_to_publish(lakehouse: Lakehouse) -> tuple[datetime, Policy]:
    """The time (UTC), and what lists made at it have to keep. Raises `LakehouseError`, `LockError`."""
    # Under the lock: a rule that is added from now on has a later time, so that lists needn't keep it.
    with lakehouse.lock(RULES.name):
        now = datetime.now(UTC)
        rules = read_rules(lakehouse)
    return now, _policy(lakehouse, rules, now)


def policy_now(lakehouse: Lakehouse) -> Policy:
    """What a list has to keep that is shown now. Raises `LakehouseError`."""
    return _policy(lakehouse, read_rules(lakehouse), datetime.now(UTC))


def others_kept(lakehouse: Lakehouse, rules: Sequence[Rule], at: datetime | None) -> bool:
    """Whether lists made at a time (UTC), if there are any, keep other rules than these. Raises `LakehouseError`."""
    return at is not None and {rule.rule_id for rule in rules} != {
        rule.rule_id for rule in read_rules(lakehouse) if rule.in_force(at)
    }


def _policy(lakehouse: Lakehouse, rules: Sequence[Rule], at: datetime) -> Policy:
    in_force = tuple(rule for rule in rules if rule.in_force(at))
    return Policy(in_force, read_catalogue(lakehouse), lakehouse.settings.lists)


def read_catalogue(lakehouse: Lakehouse) -> Catalogue:
    """What rules know movies by; nothing where silver/movies isn't there. Raises `LakehouseError`."""
    if lakehouse.exists(SILVER_MOVIES.name):
        return Catalogue.of(lakehouse.dataset(SILVER_MOVIES.name).to_table(columns=list(COLUMNS)))
    return NO_MOVIES


def add_rules(lakehouse: Lakehouse, drafts: Sequence[Draft]) -> list[Rule]:
    """Add those rules that aren't there yet, all or none, and return them with their numbers.

    Raises `LakehouseError`, `LockError`.
    """
    with lakehouse.lock(RULES.name):
        before, now = read_rules(lakehouse), datetime.now(UTC)
        there = {rule.draft for rule in before if rule.removed_ts is None}
        first = max((rule.rule_id for rule in before), default=0) + 1
        new = [draft for draft in dict.fromkeys(drafts) if draft not in there]
        added = [Rule(number, draft, now) for number, draft in enumerate(new, first)]
        if added:
            _write(lakehouse, [*before, *added])
    return added


def remove_rules(lakehouse: Lakehouse, numbers: Collection[int]) -> list[Rule]:
    """Remove rules, all or none, and return them. Raises `RuleError`, `LakehouseError`, `LockError`."""
    with lakehouse.lock(RULES.name):
        rules, now = read_rules(lakehouse), datetime.now(UTC)
        there = {rule.rule_id for rule in rules if rule.removed_ts is None}
        if strange := sorted(set(numbers) - there):
            raise RuleError(f"There is no rule {', '.join(map(str, strange))} to remove. See: reco rules list")
        _write(lakehouse, [replace(rule, removed_ts=now) if rule.rule_id in numbers else rule for rule in rules])
    return [rule for rule in rules if rule.rule_id in numbers]


def _write(lakehouse: Lakehouse, rules: Sequence[Rule]) -> None:
    from pyspark.sql.pandas.types import to_arrow_schema

    rows = [{"rule_id": rule.rule_id, **vars(rule.draft), **_times(rule)} for rule in rules]
    lakehouse.write(RULES, pa.Table.from_pylist(rows, to_arrow_schema(RULES.schema, timezone="UTC")))


def _times(rule: Rule) -> dict[str, datetime | None]:
    return {"added_ts": rule.added_ts, "removed_ts": rule.removed_ts}


def _rule(row: dict[str, Any]) -> Rule:
    draft = Draft(**{name: value for name, value in row.items() if name not in ("rule_id", "added_ts", "removed_ts")})
    return Rule(row["rule_id"], draft, row["added_ts"], row["removed_ts"])
