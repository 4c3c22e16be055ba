"""`reco airflow`: the documented pipelines as Airflow DAG files."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from reco_assets.cli.options import JsonOption, local_path

app = typer.Typer(help="The documented pipelines as Airflow DAG files.", no_args_is_help=True)


class Via(StrEnum):
    """Where the tasks of exported DAGs make their assets."""

    PROCESS = "process"
    DAGSTER = "dagster"


@app.callback()
def _group() -> None:
    """The documented pipelines as Airflow DAG files."""


@app.command()
def export(
    out: Annotated[
        Path,
        typer.Option(parser=local_path, metavar="PATH", help="The folder for the DAG files; Airflow's DAG folder."),
    ],
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail when the folder differs.")] = False,
    dag: Annotated[list[str] | None, typer.Option(help="One DAG's id; may be repeated. None: all.")] = None,
    via: Annotated[
        Via,
        typer.Option(
            help="What makes the assets of a task: a process of its own, or the running Dagster that the connection "
            "trainer_api names, in its queue."
        ),
    ] = Via.PROCESS,
    json: JsonOption = False,
) -> None:
    """Write the DAG files, what they import, a requirements file per Airflow line and a table of the tasks.

    Files of an earlier export that no pipeline needs any more are removed; others are never touched.
    """
    from reco_assets.airflow_export import folder
    from reco_assets.airflow_export.render import export_files
    from reco_assets.airflow_export.spec import DAG_SPECS, THROUGH_DAGSTER, ExportError, chosen
    from reco_assets.cli.summary import say
    from resources.settings import load_settings

    through_dagster = via is Via.DAGSTER
    specs = THROUGH_DAGSTER if through_dagster else DAG_SPECS
    files = export_files(load_settings(), chosen(dag, specs) if dag else specs, through_dagster=through_dagster)
    kept = {spec.file for spec in DAG_SPECS}
    if not check:
        done = folder.write(out, files, kept)
        if json:
            say({"folder": str(out), "written": [*done.missing, *done.different], "removed": list(done.stale)})
        else:
            typer.echo(f"{out}: {len(done.missing) + len(done.different)} files written, {len(done.stale)} removed.")
        return
    lines = folder.changes(out, files, kept).lines
    if json:
        say({"folder": str(out), "up_to_date": not lines, "files": len(files), "differences": list(lines)})
    if lines:
        typer.echo("\n".join(f"{out}/{line}" for line in lines), err=json)
        raise ExportError(
            f"{out} is not what the platform exports now. Run reco airflow export --out {out} --via {via}."
        )
    if not json:
        typer.echo(f"{out} is up to date: {len(files)} files.")
