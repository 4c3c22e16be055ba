"""The streaming assets: files taken in as staged ratings, and the lines that broke a rule."""

from collections.abc import Iterator
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import Any

import dagster as dg

from reco_assets.batches.accepted import waiting_totals
from reco_assets.batches.named import named_batches
from reco_assets.batches.receipt_files import COUNTED
from reco_assets.publishing import publish_waiting
from reco_assets.streaming.intake import IntakeResult, NoFilesError, take_in, take_in_again, take_in_file
from reco_assets.streaming.landing import landed_files
from reco_assets.tables import STREAM_QUARANTINE, STREAM_RATINGS
from resources.io_managers import table_metadata
from resources.orchestrator.shown_tables import shown_table
from resources.orchestrator.skipped import say_skipped
from resources.tables.lakehouse import Lakehouse
from resources.text.json_lines import of_batches
from resources.text.plain_text import in_markdown, printable

RATINGS, QUARANTINE = dg.AssetKey(["stream", "ratings"]), dg.AssetKey(["stream", "quarantine"])
NO_FILE_REFUSED, EVERY_FILE_TAKEN = "no_file_refused", "every_file_taken"
SHOWN_FILES = 20
_ASSET: dict[str, Any] = {"group_name": "stream"}


class WithoutFiles(Enum):
    """What a run does where no file was taken in: make its tables all the same, as an error end, or go on with the
    batches that wait and, where none does, skip.
    """

    GO_ON = "go_on"
    FAIL = "fail"
    SKIP = "skip"


class IntakeConfig(dg.Config):
    """What to take in: files of the streaming folder by name (by default whatever is complete, in the order in which it
    came), or one by its path there, or a batch to take in again (its sha256, the beginning of it, or its file's name).
    Files that a broken run had claimed are resumed in any case.
    """

    files: list[str] | None = None
    csv_path: str = ""
    replay: str = ""
    without_files: WithoutFiles = WithoutFiles.GO_ON


@dg.multi_asset(
    name="process_streaming_data",
    specs=[
        dg.AssetSpec(
            RATINGS,
            skippable=True,
            deps=[["silver", "split_ratings"]],
            description="The good rows of every file taken in, with their batch and their side of the split.",
            kinds={"delta"},
            **_ASSET,
        ),
        dg.AssetSpec(
            QUARANTINE,
            skippable=True,
            description="The rows that broke a rule: file, line, raw text and reasons.",
            kinds={"delta"},
            **_ASSET,
        ),
    ],
    check_specs=[
        dg.AssetCheckSpec(NO_FILE_REFUSED, asset=RATINGS, description="Every file was in the documented format."),
        dg.AssetCheckSpec(EVERY_FILE_TAKEN, asset=RATINGS, description="No file lies there that cannot be taken."),
    ],
    can_subset=True,
)
def process_streaming_data(
    context: dg.AssetExecutionContext, config: IntakeConfig, lakehouse: dg.ResourceParam[Lakehouse]
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Take in the files of the streaming folder; see `reco_assets.streaming.intake` for what each goes through.

    Both tables are written, whichever is asked for: a file leaves the folder once all of its lines are in one of them.
    """
    taken = _take_in(config, lakehouse)
    if taken.received:
        of_these = of_batches(receipt.batch for receipt in taken.received)
        context.log.info(f"Batches taken in: {len(taken.received):,}", extra=of_these)
    if config.without_files is WithoutFiles.FAIL and not (taken.received or taken.known or taken.finished):
        raise _nothing_taken(lakehouse, taken)
    if config.without_files is WithoutFiles.SKIP and not (taken.seen or waiting_totals(lakehouse).batches):
        reason = f"{lakehouse.settings.storage.landing} holds no complete CSV file, and no batch waits for training."
        say_skipped(context, reason)
        return
    published = publish_waiting(lakehouse)
    for spec in (STREAM_RATINGS, STREAM_QUARANTINE):
        described = table_metadata(lakehouse, spec) if lakehouse.exists(spec.name) else {}
        version = described.get("delta_version")
        key, metadata = dg.AssetKey(spec.name.split("/")), described | _summary(taken) | published
        if key in context.selected_asset_keys:
            data_version = None if version is None else dg.DataVersion(str(version))
            yield dg.MaterializeResult(asset_key=key, metadata=metadata, data_version=data_version)
        else:
            context.log_event(dg.AssetMaterialization(key, metadata=metadata))
    found = {
        NO_FILE_REFUSED: {refusal.name: refusal.error for refusal in taken.refused},
        EVERY_FILE_TAKEN: {file.name: str(file) for file in taken.not_taken[:SHOWN_FILES]},
    }
    for name, files in found.items():
        if dg.AssetCheckKey(RATINGS, name) in context.selected_asset_check_keys:
            warn = dg.AssetCheckSeverity.WARN
            yield dg.AssetCheckResult(
                asset_key=RATINGS, check_name=name, passed=not files, severity=warn, metadata=files
            )


def _take_in(config: IntakeConfig, lakehouse: Lakehouse) -> IntakeResult:
    if config.replay:
        return take_in_again(lakehouse, config.replay)
    if config.csv_path:
        return take_in_file(lakehouse, Path(config.csv_path))
    if lakehouse.settings.storage.format == "parquet" and not landed_files(lakehouse.settings.storage.landing):
        return IntakeResult()  # the main job runs on parquet; only where a file waits is that an error
    return take_in(lakehouse, config.files)


def _nothing_taken(lakehouse: Lakehouse, taken: IntakeResult) -> Exception:
    if taken.refused:
        return dg.Failure("; ".join(refusal.error for refusal in taken.refused))
    said = f"No complete CSV file in {lakehouse.settings.storage.landing}. Copy one there and start again."
    return NoFilesError("\n".join([said, *(f"Not taken: {file}" for file in taken.not_taken[:SHOWN_FILES])]))


def _summary(taken: IntakeResult) -> dict[str, Any]:
    return {
        "files_received": len(taken.received),
        "files_known": len(taken.known),
        "files_refused": len(taken.refused),
        "files_not_taken": len(taken.not_taken),
        **{name: sum(getattr(receipt, name) for receipt in taken.received) for name in COUNTED},
        "files": _files(taken),
        **named_batches([receipt.batch for receipt in taken.received]),
        **({"notes": dg.MetadataValue.md(notes)} if (notes := _notes(taken)) else {}),
        **({"hints": "\n".join(taken.hints[:SHOWN_FILES])} if taken.hints else {}),
        **({"replay": dg.JsonMetadataValue(asdict(taken.replayed))} if taken.replayed else {}),
    }


def _files(taken: IntakeResult) -> dg.TableMetadataValue:
    rows = [
        (
            printable(receipt.source),
            receipt.batch[:12],
            receipt.lines,
            receipt.good,
            receipt.quarantined,
            receipt.duplicates,
            receipt.corrections,
        )
        for receipt in taken.received[:SHOWN_FILES]
    ]
    return shown_table(("file", "batch", "lines", "good", "quarantined", "duplicates", "corrections"), rows)


def _notes(taken: IntakeResult) -> str:
    """What there is to say of files beside the table of them, a paragraph each."""
    hidden = len(taken.received) - SHOWN_FILES
    more = [f"and {hidden:,} more."] if hidden > 0 else []
    known = [f"{in_markdown(name)}: its content was taken in before." for name in taken.known[:SHOWN_FILES]]
    refused = [f"Refused: {in_markdown(refusal.error)}" for refusal in taken.refused[:SHOWN_FILES]]
    left = [f"Not taken: {in_markdown(str(file))}" for file in taken.not_taken[:SHOWN_FILES]]
    return "\n\n".join([*more, *known, *refused, *left])
