"""What is shown to people."""

from typing import Annotated

from pydantic import Field

from resources.settings.group import Group, below
from resources.settings.training import ListLength


class ServingSettings(Group, alias_generator=below("")):
    """Lengths of recommendation lists, and the web server's other names, comma separated."""

    top_n: ListLength = 10
    web_hosts: Annotated[str, Field(alias="RECO_WEB_HOSTS")] = ""
