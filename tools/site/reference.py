"""The pages that are made from code: the command, tables, assets, and what every job and its tasks do."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from dagster import AssetKey
from typer.main import get_command

from reco_assets.airflow_export.spec import DAG_SPECS
from reco_assets.cli.main import app
from reco_assets.definitions import defs
from reco_assets.pipelines.jobs import SPECS
from reco_assets.pipelines.schedules import cron_of
from reco_assets.pipelines.spec import JobSpec, Task
from reco_assets.tables import DECLARED, WITHOUT_ASSET
from reco_assets.tasks.registry import MODULES, function_named
from resources.settings import Settings
from resources.tables.files import DESCRIPTION, TableSpec

MADE = "*This page is made from the code.*\n"


def command_page() -> str:
    """Every verb of `reco`, with its arguments and options as `--help` has them."""
    head = "Settings of all of them: [settings](../settings.md); exit codes: [operation](../operation.md#how-it-is).\n"
    return "\n".join(["# The command `reco`", "", MADE, head, *_commands(get_command(app), "reco")])


def _commands(command: Any, name: str) -> Iterator[str]:
    inner = getattr(command, "commands", {})
    if not inner or name == "reco":
        yield from _command(command, name)
    for word, verb in inner.items():
        if not verb.hidden:
            yield from _commands(verb, f"{name} {word}")


def _command(command: Any, name: str) -> Iterator[str]:
    context = command.context_class(command, info_name=name)
    usage = " ".join(command.collect_usage_pieces(context))
    if name != "reco":
        yield f"## `{name}`\n"
        yield f"`{name} {usage}`\n"
        yield _paragraphs(command.help or "") + "\n"
    records = [record for each in command.get_params(context) if (record := _record(each, context))]
    yield from _rows(("", ""), [(f"`{words}`", _cell(meaning)) for words, meaning in records])


def _record(parameter: Any, context: Any) -> tuple[str, str] | None:
    if parameter.param_type_name == "argument":
        return parameter.name.upper(), getattr(parameter, "help", None) or ""
    record: tuple[str, str] | None = parameter.get_help_record(context)
    return record


def tables_page() -> str:
    """Every table, with its columns: type, meaning, where they are made from."""
    head = "What each table is for, and which step makes it: [from files to recommendations](../tables.md).\n"
    tables = (DECLARED | WITHOUT_ASSET).values()
    return "\n".join(["# Tables", "", MADE, head, *(line for spec in tables for line in _table(spec))])


def _table(spec: TableSpec) -> Iterator[str]:
    yield f"## `{spec.name}`\n"
    if spec.key:
        yield f"One row for each {', '.join(f'`{column}`' for column in spec.key)}.\n"
    if spec.partition_by:
        yield f"Partitioned by {', '.join(f'`{column}`' for column in spec.partition_by)}.\n"
    yield from _rows(
        ("column", "type", "meaning", "made from"),
        [
            (
                f"`{field.name}`",
                f"`{field.dataType.simpleString()}`",
                _cell(field.metadata.get(DESCRIPTION) or spec.meanings.get(field.name, "")),
                ", ".join(f"`{table}.{column}`" for table, column in spec.origins.get(field.name, ())),
            )
            for field in spec.schema.fields
        ],
    )


def assets_page() -> str:
    """Every asset by its group: what it is, and which it is made from."""
    graph = defs.resolve_asset_graph()
    by_group: dict[str, list[AssetKey]] = {}
    for key in sorted(graph.materializable_asset_keys):
        by_group.setdefault(graph.get(key).group_name or "", []).append(key)
    lines = ["# Assets", "", MADE]
    for group, keys in sorted(by_group.items()):
        lines.append(f"## {group}\n")
        rows = [
            (
                f"`{key.to_user_string()}`",
                _cell(graph.get(key).description or ""),
                ", ".join(f"`{parent.to_user_string()}`" for parent in sorted(graph.get(key).parent_keys)),
            )
            for key in keys
        ]
        lines.extend(_rows(("asset", "what it is", "made from"), rows))
    return "\n".join(lines)


def jobs_page() -> str:
    """Every job, with its schedule, its file as an Airflow DAG, and what each task does."""
    files = {spec.dag_id: spec.file for spec in DAG_SPECS}
    head = (
        "The same ids are Dagster's jobs and Airflow's DAGs. Arguments and operators that the documents give to the "
        "tasks: [documents](../documents.md); what they read and return: [pipelines](../pipelines.md).\n"
    )
    return "\n".join(["# Jobs and DAGs", "", MADE, head, *(line for spec in SPECS for line in _job(spec, files))])


def _job(spec: JobSpec, files: Mapping[str, str]) -> Iterator[str]:
    cron = cron_of(spec, Settings.of({}))
    when = f"at `{cron}` (UTC), where schedules are on" if cron else "when a sensor or a person starts it"
    dag = f" In Airflow: `{files[spec.name]}`." if spec.name in files else ""
    yield f"## `{spec.name}`\n"
    yield f"{spec.description} It runs {when}.{dag}\n"
    before = {task.name: [first for first, then in spec.edges if then == task.name] for task in spec.tasks}
    rows = [
        (f"`{task.name}`", _does(task), ", ".join(f"`{name}`" for name in before[task.name])) for task in spec.tasks
    ]
    yield from _rows(("task", "what it does", "after"), rows)


def _does(task: Task) -> str:
    parts = []
    if task.checks:
        parts.append(f"checks tables: {', '.join(f'`{kind}`' for kind in task.checks)}")
    if task.assets:
        parts.append(f"makes {', '.join(f'`{asset}`' for asset in task.assets)}")
    if task.function:
        said = (function_named(task.function).__doc__ or "").split("\n\n")[0] if task.function in MODULES else ""
        parts.append(f"calls `{task.function}`" + (f": {said}" if said else ""))
    return _cell("; ".join(parts) or "marks where a branch leads")


def _rows(titles: tuple[str, ...], rows: list[tuple[str, ...]]) -> Iterator[str]:
    if rows:
        yield f"| {' | '.join(titles)} |"
        yield "|---" * len(titles) + "|"
        yield from (f"| {' | '.join(row)} |" for row in rows)
        yield ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def _paragraphs(text: str) -> str:
    return "\n\n".join(_cell(part) for part in text.replace("\b", "").split("\n\n"))


PAGES: Mapping[str, Callable[[], str]] = {
    "reference/cli.md": command_page,
    "reference/tables.md": tables_page,
    "reference/assets.md": assets_page,
    "reference/jobs.md": jobs_page,
}
