"""validate_data: every check of the tables that are there, then Evidently's report."""

from typing import Any

from reco_assets.build import build_definitions
from reco_assets.quality.declarations import DECLARATIONS
from reco_assets.quality.evidently import KEY, as_result
from reco_assets.quality.kinds import KINDS
from reco_assets.runner.results import checks_result
from reco_assets.runner.run import materialize_assets, require_no_error, run_checks
from resources.settings import Settings
from resources.tables.files import table_exists


def validate_data(settings: Settings) -> dict[str, Any]:
    """Check the tables as they are before anything new is made of them; the answer is an object of JSON.

    A table that isn't there yet is left out, as the tasks that follow make it. Raises `ChecksFailedError` when a check
    finds an error, `RunFailedError` when one can't be run.
    """
    paths = {declaration.table: settings.storage.root / declaration.table for declaration in DECLARATIONS}
    tables = [table for table, path in paths.items() if path.is_dir() and table_exists(path)]
    if not tables:
        return {"passed": True, "checks": {}, "summary": f"There are no tables under {settings.storage.root} yet."}
    checked = run_checks(build_definitions, settings, KINDS, tables)
    require_no_error(checked.checks)
    warnings = sum(not found.passed for found in checked.checks)
    report = materialize_assets(build_definitions, settings, [KEY])
    return {
        **checks_result(checked),
        "summary": f"{len(checked.checks)} checks of {len(tables)} tables: no error, {warnings} warnings.",
        "evidently": as_result(report.scalars.get(KEY)),
    }
