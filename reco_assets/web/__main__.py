"""`python -m reco_assets.web` is dagster-webserver, `python -m reco_assets.web dev` is dagster dev: with the guard.

Neither lets a middleware in, so the one function that makes the application is replaced, and the one that starts
the web server's process. Both are looked up by name: a version of Dagster without them fails here, at the start.
"""

import sys
from collections.abc import Sequence
from typing import Any

from reco_assets.web.guard import allowed_hosts, guarded
from resources.settings import load_settings

MAKES_APP, HOSTS_UI = "create_app_from_workspace_process_context", "host_dagster_ui_with_workspace_process_context"
STARTS_PROCESS = "open_ipc_subprocess"
SERVER, GUARDED = "dagster_webserver", "reco_assets.web"


def main(arguments: Sequence[str]) -> None:
    """Run Dagster's command with these arguments; ends by `SystemExit`."""
    if arguments[:1] == ["dev"]:
        _dev(arguments)
    else:
        _serve(arguments)


def _serve(arguments: Sequence[str]) -> None:
    from dagster_webserver import cli

    names: dict[str, Any] = vars(cli)
    make_app, host_ui = (names[name] for name in (MAKES_APP, HOSTS_UI))
    configured = load_settings().serving.web_hosts.split(",")

    def host_guarded(context: Any, host: str | None, *rest: Any, **named: Any) -> Any:
        hosts = allowed_hosts(host, configured)
        names[MAKES_APP] = lambda *given, **others: guarded(make_app(*given, **others), hosts)
        return host_ui(context, host, *rest, **named)

    names[HOSTS_UI] = host_guarded
    sys.argv = ["dagster-webserver", *arguments]
    names["main"]()


def _dev(arguments: Sequence[str]) -> None:
    from resources.orchestrator.dagster_private import dagster_cli, dagster_dev

    names: dict[str, Any] = vars(dagster_dev)
    start = names[STARTS_PROCESS]

    def start_guarded(command: Sequence[str], **named: Any) -> Any:
        return start([GUARDED if part == SERVER else part for part in command], **named)

    names[STARTS_PROCESS] = start_guarded
    sys.argv = ["dagster", *arguments]
    vars(dagster_cli)["main"]()


if __name__ == "__main__":
    main(sys.argv[1:])
