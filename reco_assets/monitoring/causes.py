"""Why figures can't be read, said once for each cause: Prometheus asks every half a minute."""

from collections.abc import Callable
from dataclasses import dataclass, field

from resources.plain_errors import explain


@dataclass(frozen=True)
class Causes:
    """What was said last of each part. `say` takes a line to a person."""

    say: Callable[[str], None]
    said: dict[str, str] = field(default_factory=dict)

    def failed(self, part: str, error: Exception) -> None:
        """Say why a part can't be read, unless that was the last that was said of it."""
        why = explain(error)
        if self.said.get(part) != why:
            self.said[part] = why
            self.say(f"figures of {part} can't be read: {why}")

    def well(self, part: str) -> None:
        """Say that a part can be read again, where it could not."""
        if self.said.pop(part, None) is not None:
            self.say(f"figures of {part} can be read again")
