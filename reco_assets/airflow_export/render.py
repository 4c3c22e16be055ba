"""The text of every exported file. The same specs and settings give the same text; nothing of this machine is in it.

Paths are no part of it: the exported common/config.py reads them from Airflow's environment.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from reco_assets.airflow_export.dag_spec import DagSpec
from reco_assets.airflow_export.imports import defined_in, imports_of
from reco_assets.airflow_export.literals import Code, Over, literal
from reco_assets.airflow_export.operators import AIRFLOW_MODULES
from reco_assets.airflow_export.spec import DAG_SPECS, THROUGH_DAGSTER
from reco_assets.pipelines.schedules import cron_of
from reco_assets.pipelines.spec import Task
from reco_assets.tables import DECLARED
from resources.settings import Settings
from resources.spark_jars import JARS

MARKER = "Exported by `reco airflow export`"
PACKAGE = "reco_assets.airflow_export"

# Modules of the standard library alone, which the platform and the DAGs share: the exported name, package and file.
SHARED = {
    "model_utils.py": ("reco_assets.models.versions", "folders.py"),
    "spark_utils.py": ("reco_assets", "spark_submit.py"),
    "spark_jars.py": ("resources", "spark_jars.py"),
}
AIRFLOW = {"2": "2.11.2", "3": "3.3.2"}
PROVIDERS = {
    "apache-spark": "6.3.4",
    "common-compat": "1.23.0",
    "slack": "9.11.1",
    "smtp": "3.2.0",
    "standard": "1.21.0",
}

_TEMPLATES = Environment(
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
    undefined=StrictUndefined,
)
_TEMPLATES.filters["literal"] = literal


def export_files(settings: Settings, specs: Sequence[DagSpec], *, through_dagster: bool = False) -> dict[str, str]:
    """Every file of an export by its path below the folder: the DAGs of `specs`, and what goes with them.

    `through_dagster`: of specs that are so, whose runs start in the Dagster of the connection `trainer_api`.
    """
    common = _common(settings, "trainer_api" if through_dagster else None)
    modules = AIRFLOW_MODULES | _modules_of_names(common)
    dags = {spec.file: _dag_file(settings, spec, modules) for spec in specs}
    requirements = {f"requirements-airflow-{line}.txt": _requirements(line) for line in AIRFLOW}
    table = tasks_table(settings, THROUGH_DAGSTER if through_dagster else DAG_SPECS)
    rest = {"TASKS.md": table, ".airflowignore": f"# {MARKER}.\ncommon\n"}
    return {**dags, **common, **requirements, **rest}


def tasks_table(settings: Settings, specs: Sequence[DagSpec]) -> str:
    """Which task of which DAG runs what, as Markdown."""
    dags = [
        {
            "id": spec.dag_id,
            "description": spec.job.description,
            "file": spec.file,
            "runs": f"at `{cron}` (UTC)" if (cron := cron_of(spec.job, settings)) else "started by hand",
            "rows": _rows(spec),
        }
        for spec in specs
    ]
    return _render(files(PACKAGE) / "templates" / "TASKS.md.jinja", dags=dags)


def _dag_file(settings: Settings, spec: DagSpec, modules: Mapping[str, str]) -> str:
    """The Python file of one DAG; `modules` are those of the names that it may use."""
    cron = cron_of(spec.job, settings)
    return _render(
        files(PACKAGE) / "templates" / "dag.py.jinja",
        spec=spec,
        default_args=_default_args(spec),
        schedule=Code(f"cron({literal(cron)})") if cron else None,
        rows=_short_rows(spec),
        operators={task.name: spec.operator_of(task) for task in spec.job.tasks},
        tables={task.name: [asset for asset in task.assets if asset in DECLARED] for task in spec.job.tasks},
        imports_of=partial(imports_of, modules=modules),
    )


def _default_args(spec: DagSpec) -> Code | Over:
    shared = Code("DEFAULT_DAG_ARGS")
    if not spec.default_args:
        return shared
    limit = (Code(f"overall_sla({literal(spec.job.limits.sla)})"),) if spec.job.limits else ()
    return Over((shared, *limit), spec.default_args)


def _rows(spec: DagSpec) -> list[tuple[str, str, str]]:
    return [(f"`{task.name}`", spec.operator_of(task).name, ", ".join(_what_runs(task))) for task in spec.job.tasks]


def _short_rows(spec: DagSpec) -> Iterator[tuple[str, str, str]]:
    """The same with a row for each thing that a task runs, so that lines are short enough for a program."""
    for task in spec.job.tasks:
        first, *rest = _what_runs(task) or [""]
        yield f"`{task.name}`", spec.operator_of(task).name, first
        yield from (("", "", what) for what in rest)


def _what_runs(task: Task) -> list[str]:
    if task.function:
        return [f"`{task.function}()`"]
    checks = [f"the checks {', '.join(f'`{kind}`' for kind in task.checks)} of every table"] if task.checks else []
    return [*checks, *(f"`{asset}`" for asset in task.assets)]


def _common(settings: Settings, trainer: str | None) -> dict[str, str]:
    """The folder that all DAGs import from; config.py holds the platform's numbers."""
    shared = {name: files(package) / file for name, (package, file) in SHARED.items()}
    own = {path.name: path for path in (files(PACKAGE) / "common").iterdir() if path.name.endswith((".py", ".jinja"))}
    found = {
        name.removesuffix(".jinja"): _common_text(settings, trainer, path) for name, path in (shared | own).items()
    }
    return {f"common/{name}": f"# {MARKER}.\n{text}" for name, text in sorted(found.items())}


def _common_text(settings: Settings, trainer: str | None, path: Traversable) -> str:
    if path.name.endswith(".jinja"):
        return _render(path, settings=_without_paths(settings), delta_jars=JARS, trainer=trainer)
    return path.read_text(encoding="utf-8")


def _modules_of_names(common: Mapping[str, str]) -> dict[str, str]:
    """The modules of `common` by the names they define; of a name that two have, the later."""
    return {
        name: path.removesuffix(".py").replace("/", ".") for path, text in common.items() for name in defined_in(text)
    }


def _without_paths(settings: Settings) -> Settings:
    """The same settings with the default of each path, so that no template can let one of this machine in."""
    return Settings.of({name: value for name, value in settings.given().items() if not isinstance(value, Path)})


def _requirements(line: str) -> str:
    providers = [f"apache-airflow-providers-{name}=={version}" for name, version in PROVIDERS.items()]
    template = files(PACKAGE) / "templates" / "requirements.txt.jinja"
    return _render(template, line=line, requirements=[f"apache-airflow=={AIRFLOW[line]}", *providers])


def _render(template: Traversable, **values: Any) -> str:
    return _TEMPLATES.from_string(template.read_text(encoding="utf-8")).render(marker=MARKER, **values)
