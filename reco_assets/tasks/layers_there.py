"""Whether each layer is there: the documented report, and the documented verify tasks."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from reco_assets.models.judging.run import metrics_folder
from reco_assets.models.serving import serving_store
from reco_assets.quality.etl_report import REPORTS
from reco_assets.sources.choose import choose_source
from reco_assets.sources.source import SourceError
from resources.errors import RecoError
from resources.settings import Settings
from resources.tables.files import table_exists

RULE = "=" * 80
SILVER_TABLES = ("ratings", "movies", "tags")
GOLD_TABLES = ("recommendations_als",)


class ValidationError(RecoError):
    """Something required is not there."""


@dataclass(frozen=True)
class Finding:
    """One line of the report; `required` findings that are not `ok` fail the validation."""

    text: str
    ok: bool
    required: bool = True

    def __str__(self) -> str:
        """The line as printed."""
        mark = "OK" if self.ok else "MISSING" if self.required else "OPTIONAL"
        return f"  [{mark}] {self.text}"


@dataclass(frozen=True)
class Report:
    """What was looked for where, and whether everything required is there."""

    root: Path
    layers: Mapping[str, Sequence[Finding]]

    @property
    def missing(self) -> list[Finding]:
        """What is required and isn't there."""
        return [found for findings in self.layers.values() for found in findings if found.required and not found.ok]

    @property
    def passed(self) -> bool:
        """Whether everything required is there."""
        return not self.missing

    @property
    def text(self) -> str:
        """The report as the documents have it, and what was checked."""
        lines = [RULE, "Validation: Checking Bronze/Silver/Gold Layers", RULE, f"[INFO] Lakehouse path: {self.root}"]
        for layer, findings in self.layers.items():
            lines += [f"[INFO] Checking {layer} layer...", *map(str, findings), ""]
        looked_at = sum(map(len, self.layers.values()))
        verdict = (
            "[SUCCESS] Validation passed!" if self.passed else f"[FAILED] {len(self.missing)} required part(s) missing."
        )
        return "\n".join([*lines, f"[INFO] Checked that {looked_at} parts exist, not what is in them.", verdict])

    def document(self) -> dict[str, Any]:
        """The report as plain JSON."""
        layers = {layer.lower(): list(map(asdict, findings)) for layer, findings in self.layers.items()}
        return {"lakehouse": str(self.root), "passed": self.passed, "layers": layers}


def validation_report(settings: Settings) -> Report:
    """Look at every layer of the lakehouse without starting the engine."""
    layers = {"Bronze": bronze, "Silver": silver, "Gold": gold}
    return Report(settings.storage.root, {layer: list(look(settings)) for layer, look in layers.items()})


def verify_silver(settings: Settings) -> str:
    """The silver findings as text. Raises `ValidationError` when a required one is missing."""
    return _verify(silver(settings))


def verify_gold(settings: Settings) -> str:
    """The gold findings as text. Raises `ValidationError` when a required one is missing."""
    return _verify(gold(settings))


def bronze(settings: Settings) -> Iterator[Finding]:
    """The raw files of the source with their sizes; a synthetic source has none."""
    try:
        source = choose_source(settings)
    except SourceError as error:
        yield Finding(str(error), ok=False)
        return
    if not source.files:
        yield Finding(f"{source.name} data: made by a seed, no files", ok=True)
    for path in source.files:
        size = f" ({path.stat().st_size:,} bytes)" if path.is_file() else f" is not in {path.parent}"
        yield Finding(f"{path.name}{size}", ok=path.is_file(), required=path.name not in source.optional)


def silver(settings: Settings) -> Iterator[Finding]:
    """The silver tables and the ETL's reports."""
    yield from (_table(settings, "silver", name) for name in SILVER_TABLES)
    yield _files(settings.storage.root / REPORTS, "*.json", "Reports", "reports")


def gold(settings: Settings) -> Iterator[Finding]:
    """The gold tables, complete model versions and metrics files."""
    yield from (_table(settings, "gold", name) for name in GOLD_TABLES)
    count = len(serving_store(settings).versions())
    yield Finding(f"Models directory exists ({count} versions)" if count else "No model version", ok=count > 0)
    yield _files(metrics_folder(settings), "run_metrics_*.json", "Metrics", "metric files")


def _verify(found: Iterator[Finding]) -> str:
    findings = list(found)
    missing = [finding.text for finding in findings if finding.required and not finding.ok]
    if missing:
        raise ValidationError(f"{'; '.join(missing)}. Run reco etl, then reco train.")
    return "\n".join(finding.text for finding in findings)


def _table(settings: Settings, layer: str, name: str) -> Finding:
    path = settings.storage.root / layer / name
    if path.is_dir() and table_exists(path):
        return Finding(f"{name} exists at {path}", ok=True)
    return Finding(f"{name} does not exist at {path}", ok=False)


def _files(folder: Path, pattern: str, title: str, noun: str) -> Finding:
    count = len(list(folder.glob(pattern)))
    text = f"{title} directory exists ({count} {noun})" if count else f"No {noun} in {folder}"
    return Finding(text, ok=count > 0)
