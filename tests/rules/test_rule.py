"""Rules as text: what can be said, and what one is told of what can't."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from reco_assets.rules.catalogue import Catalogue
from reco_assets.rules.files import drafts_in
from reco_assets.rules.rule import RuleError, draft_of
from tests.rules.conftest import NOON, TODAY, boost, draft, rules_of

SAID = {"action": "hide", "subject": "movie", "value": "1", "reason": "asked for"}


def test_a_rule_that_says_no_more_is_for_everyone_from_today_on() -> None:
    assert draft_of(SAID, TODAY) == draft()


def test_a_boost_has_a_factor_and_any_rule_may_be_for_one_user_and_end() -> None:
    fields = SAID | {"action": "boost", "factor": "1.5", "user_id": "7", "from": "2026-07-01", "until": "2026-07-31"}
    days = {"from_day": date(2026, 7, 1), "until_day": date(2026, 7, 31)}
    assert draft_of(fields, TODAY) == boost(1.5, user_id=7, **days)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"action": "drop"}, "action: 'drop' must be one of hide, boost"),
        ({"subject": "tag"}, "subject: 'tag' must be one of movie, genre, year"),
        ({"value": "Heat"}, "value: 'Heat' must be a whole number"),
        ({"value": "99999999999"}, "value: '99999999999' must be a whole number"),
        ({"value": " "}, "value: say which movie"),
        ({"subject": "year", "value": "20026"}, "at most 9999"),
        ({"user_id": "-1"}, "user_id: '-1' must be a whole number"),
        ({"factor": "2"}, "factor: a rule that hides has none"),
        ({"action": "boost"}, "factor: nothing must be a number greater than 1 and at most 10"),
        ({"action": "boost", "factor": "nan"}, "factor: 'nan' must be"),
        ({"action": "boost", "factor": "1"}, "factor: '1' must be"),
        ({"action": "boost", "factor": "11"}, "factor: '11' must be"),
        ({"from": "1.7.2026"}, "from: '1.7.2026' must be a day as 2026-12-31"),
        ({"until": "2026-06-14"}, "until: 2026-06-14 is before from, 2026-06-15"),
        ({"reason": ""}, "reason: say why"),
    ],
)
def test_what_a_rule_can_not_say_is_told_by_its_field(wrong: dict[str, str], told: str) -> None:
    with pytest.raises(RuleError, match=told):
        draft_of(SAID | wrong, TODAY)


def test_a_rule_is_in_force_from_its_first_day_to_the_end_of_its_last_and_not_after_its_removal() -> None:
    (rule,) = rules_of(draft(until_day=TODAY + timedelta(1)))
    midnight = datetime(2026, 6, 15, tzinfo=UTC)
    just = timedelta(microseconds=1)
    moments = (midnight - just, midnight, midnight + timedelta(2) - just, midnight + timedelta(2))
    assert [rule.in_force(at) for at in moments] == [False, True, True, False]
    removed = type(rule)(rule.rule_id, rule.draft, rule.added_ts, NOON)
    assert (removed.in_force(NOON - just), removed.in_force(NOON)) == (True, False)
    assert (removed.state(NOON), rule.state(NOON)) == ("removed", "in force")


def test_a_file_of_rules_is_read_with_its_columns_in_any_order(tmp_path: Path, catalogue: Catalogue) -> None:
    file = tmp_path / "rules.csv"
    file.write_text('\ufeffreason,value,subject,action,factor\n"a, b",drama,genre,boost,2\n\nasked for,1,movie,hide,\n')
    assert drafts_in(file, catalogue, TODAY) == [
        boost(2, subject="genre", value="drama", reason="a, b"),
        draft(),
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "line 1: the columns are missing; they must be of action, subject"),
        ("action,subject,value\n", "line 1: the columns are action, subject, value; they must be"),
        ("action,subject,value,reason,why\n", "line 1: the columns are"),
        ('"action\nsubject",value\n', "line 2: the columns are"),
        ("action,subject,value,reason\nhide,movie,1,x\nhide,movie,two,x\n", "line 3: value: 'two' must be"),
        ("action,subject,value,reason\nhide,movie,1\n", "line 2: it has 3 fields, and the header has 4"),
        ("action,subject,value,reason\nhide,movie,2,x\n", "line 2: value: silver/movies has no movie '2'"),
        ("action,subject,value,reason\nhide,genre,War,x\n", "has no genre 'War'; there are Action, Comedy, Drama"),
        ('action,subject,value,reason\nhide,movie,1,"x\n', "line 2: unexpected end of data"),
    ],
)
def test_a_file_with_a_fault_is_refused_with_its_line(
    tmp_path: Path, catalogue: Catalogue, text: str, told: str
) -> None:
    file = tmp_path / "rules.csv"
    file.write_text(text)
    with pytest.raises(RuleError, match=told) as refused:
        drafts_in(file, catalogue, TODAY)
    message = str(refused.value)
    assert message.startswith(f"{file}, line ")
    assert (message.count(str(file)), message.count(". Nothing was added.")) == (1, 1)
    assert ".." not in message


def test_a_file_that_is_not_there_or_no_text_is_told(tmp_path: Path, catalogue: Catalogue) -> None:
    with pytest.raises(RuleError, match=r"none\.csv can't be read: No such file"):
        drafts_in(tmp_path / "none.csv", catalogue, TODAY)
    (tmp_path / "rules.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(RuleError, match="it is not UTF-8"):
        drafts_in(tmp_path / "rules.csv", catalogue, TODAY)
