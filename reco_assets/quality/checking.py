"""Checking one table of the lakehouse: what its declaration asks for, from as few looks at the table as it takes."""

from collections.abc import Callable, Collection, Mapping

from reco_assets.models.serving import serving_store
from reco_assets.models.versions.files import ModelStoreError
from reco_assets.quality import kinds
from reco_assets.quality.declaration import Declaration
from reco_assets.quality.emptiness import why_empty
from reco_assets.quality.finding import Earlier, Finding, absent, gone, unmeasured
from reco_assets.quality.rule_findings import (
    duplicate_finding,
    fitting_columns,
    null_finding,
    range_finding,
    reference_finding,
    row_count_finding,
    schema_finding,
)
from reco_assets.quality.scans import Scan, scan_of
from reco_assets.quality.shape_findings import acceptable, distribution_finding, fence, outlier_finding
from reco_assets.tables import TRAIN_RATINGS
from resources.settings.quality import QualitySettings
from resources.tables.files import LakehouseError
from resources.tables.lakehouse import Lakehouse
from resources.tables.writing import schema_of


def check_table(lakehouse: Lakehouse, declaration: Declaration, wanted: Collection[str]) -> list[Finding]:
    """The findings of the wanted kinds, in the order of `kinds.KINDS`.

    Where columns are missing or of another type, the other kinds look at what is left.
    """
    asked = [kind for kind in declaration.kinds if kind in wanted]
    if not lakehouse.exists(declaration.table):
        missing = gone if lakehouse.was_there(declaration.table) else absent
        return [missing(declaration, kind) for kind in asked]
    lakehouse.remember(declaration.table)
    columns = columns_of(lakehouse, declaration.table)
    measurable = declaration.limited_to(fitting_columns(declaration, columns))
    scan, limits = scan_of(lakehouse, measurable), lakehouse.settings.quality

    def finding(kind: str) -> Finding:
        if kind == kinds.SCHEMA:
            return schema_finding(declaration, columns)
        if kind not in measurable.kinds:
            return unmeasured(declaration, kind)
        return _FROM_SCAN[kind](scan, limits)

    return [finding(kind) for kind in asked]


def columns_of(lakehouse: Lakehouse, table: str) -> dict[str, str]:
    """The columns of a table with their types, from its files. Raises `LakehouseError`."""
    return {field.name: field.dataType.simpleString() for field in schema_of(lakehouse.dataset(table))}


def _nulls(scan: Scan, _limits: QualitySettings) -> Finding:
    return null_finding(scan.declaration, scan.columns)


def _ranges(scan: Scan, _limits: QualitySettings) -> Finding:
    return range_finding(scan.declaration, scan.columns)


def _references(scan: Scan, _limits: QualitySettings) -> Finding:
    measured = {reference.table: scan.reference(reference) for reference in scan.declaration.references}
    return reference_finding(scan.declaration, measured)


def _row_count(scan: Scan, _limits: QualitySettings) -> Finding:
    rows, before = scan.columns.numbers["rows"], next(scan.earlier(), None)
    why = "" if rows else why_empty(scan.lakehouse, scan.declaration.table)
    return row_count_finding(scan.declaration, rows, before, why)


def _distributions(scan: Scan, limits: QualitySettings) -> Finding:
    return distribution_finding(scan.declaration, scan.columns.numbers, _reference(scan), limits)


def _duplicates(scan: Scan, _limits: QualitySettings) -> Finding:
    return duplicate_finding(scan.declaration, scan.keys)


def _outliers(scan: Scan, limits: QualitySettings) -> Finding:
    measured = scan.users(limits.max_ratings_per_day)
    totals = measured.numbers["totals"]
    limit = fence(totals, limits.iqr_factor)
    beyond = scan.users_beyond(limit) if limit is not None and totals[-1][0] > limit else []
    return outlier_finding(scan.declaration, measured, beyond, limits)


_FROM_SCAN: Mapping[str, Callable[[Scan, QualitySettings], Finding]] = {
    kinds.NULLS: _nulls,
    kinds.RANGES: _ranges,
    kinds.REFERENCES: _references,
    kinds.ROW_COUNT: _row_count,
    kinds.DISTRIBUTIONS: _distributions,
    kinds.DUPLICATES: _duplicates,
    kinds.OUTLIERS: _outliers,
}


def _reference(scan: Scan) -> Earlier | None:
    """What the champion was trained on, of the table that it was trained on; else the last accepted version."""
    if scan.declaration.table == TRAIN_RATINGS.name and (trained_on := _trained_on(scan)):
        return trained_on
    accepted = (earlier for earlier in scan.earlier() if acceptable(scan.declaration, earlier.numbers))
    return next(accepted, None)


def _trained_on(scan: Scan) -> Earlier | None:
    """The champion's training ratings; None without a champion, or where that version is gone."""
    store = serving_store(scan.lakehouse.settings)
    try:
        champion = store.champion()
        version = store.record(champion).delta_version(scan.declaration.table) if champion else None
        if version is None or not _is_whole(scan.lakehouse, scan.declaration.table, version):
            return None
    except (ModelStoreError, LakehouseError):
        return None
    numbers = scan_of(scan.lakehouse, scan.declaration, version).columns.numbers
    return Earlier(version, dict(numbers), f"version {version}, which champion {champion} was trained on")


def _is_whole(lakehouse: Lakehouse, table: str, version: int) -> bool:
    """Whether every file of a version is still there; maintenance removes those of versions that no model names."""
    files = lakehouse.dataset(table, version)
    return all(found.is_file for found in files.filesystem.get_file_info(files.files))
