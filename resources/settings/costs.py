"""What a second of work costs, and how long it is known what each stage took."""

from resources.settings.group import Group, Positive, PositiveNumber, below


class CostSettings(Group, alias_generator=below("COST_")):
    """The price of one processor for an hour, in any currency (None: no price is shown), and days in `ops/runs`."""

    per_cpu_hour: PositiveNumber | None = None
    history_days: Positive = 365
