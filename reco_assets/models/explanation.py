"""What speaks for a movie for a user. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """One part of a score: what it comes from, how much it adds, and which of the user's movies it is, if it is one."""

    name: str
    value: float
    movie_id: int | None = None


@dataclass(frozen=True)
class Explanation:
    """What speaks for a movie for a user: the parts of the score that it has in the user's list, greatest first."""

    parts: tuple[Part, ...]

    @property
    def score(self) -> float:
        """The sum of the parts."""
        return sum(part.value for part in self.parts)
