"""What `reco events generate` can't send is refused before anything is made, with the range that is allowed."""

import pytest
from typer.testing import CliRunner

from reco_assets.cli.events import app


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--until", "0001-01-01"), "give a day from 1970-03-02 to"),
        (("--until", "1969-12-31", "--days", "2"), "give a day from 1970-01-03 to"),
        (("--until", "9999-12-31"), "of the future are refused"),
        (("--users", "3000000000"), "less than or equal to 10000000"),
        (("--movies", "3000000000"), "less than or equal to 1000000"),
        (("--days", "0"), "greater than or equal to 1"),
    ],
)
def test_what_can_be_no_event_is_refused_with_the_range(arguments: tuple[str, ...], told: str) -> None:
    refused = CliRunner().invoke(app, ["generate", *arguments], env={"COLUMNS": "300"})
    assert refused.exit_code == 2
    assert told in " ".join(refused.stderr.split())
