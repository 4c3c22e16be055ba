"""What Dagster sees of rules: their table, which people write, and the check that published lists keep them."""

import dagster as dg

from reco_assets.rules.checking import LISTS, check_lists
from reco_assets.tables import HEAVY_POOL, RECOMMENDATIONS_FRESH, RULES
from resources.tables.lakehouse import Lakehouse

NAME = "rules_kept"

RULES_TABLE = dg.AssetSpec(
    RULES.name.split("/"),
    description="The rules of editors: which movies lists hide or boost, for whom, from when until when, and why. "
    "People write them on the command line.",
    group_name="serving",
    kinds={"delta"},
)


def rules_kept(table: str) -> dg.AssetChecksDefinition:
    """The check of one table of lists."""

    @dg.asset_check(
        name=NAME,
        asset=table.split("/"),
        blocking=True,
        pool=None if table == RECOMMENDATIONS_FRESH.name else HEAVY_POOL,  # of an intake, which waits for no training
        description="No list breaks a rule that was in force when it was made, or a setting of lists.",
    )
    def check(lakehouse: dg.ResourceParam[Lakehouse]) -> dg.AssetCheckResult:
        found = check_lists(lakehouse, table)
        return dg.AssetCheckResult(
            passed=found.kept.broken == 0,
            description=found.text,
            metadata={
                "as_of": str(found.as_of),
                "rules": found.rules,
                "lists": found.kept.lists,
                "broken": found.kept.broken,
                "first": dg.JsonMetadataValue(list(found.kept.told)),
            },
        )

    return check


RULE_CHECKS = [rules_kept(table) for table in LISTS]
