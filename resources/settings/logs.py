"""How log lines are written."""

from typing import Literal

from resources.settings.group import Group, below


class LogSettings(Group, alias_generator=below("RECO_LOG_")):
    """The form of log lines, in the words of Dagster's `--log-format`."""

    format: Literal["colored", "json"] = "colored"
