"""What lists have to keep, besides the rules of editors."""

from typing import Annotated

from pydantic import Field

from resources.settings.group import Group, NotNegative, Share, below


class ListSettings(Group, alias_generator=below("RECOMMEND_")):
    """How many movies of a genre a list may have, how often each must have been rated (0: any), and how varied it is.

    `new_movies_share`: of a list's places, rounded down, for movies without ratings.

    `diversity` is 1 - λ of maximal marginal relevance: 0 orders by score alone, more prefers movies unlike those above.
    """

    most_per_genre: NotNegative = 0
    least_ratings: NotNegative = 0
    diversity: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    new_movies_share: Share = 0.0
