"""Where `reco` starts: of the standard library alone, so that Ctrl-C is one line from the first moment on."""

import sys


def main() -> None:
    """Run `reco`; stopped while its libraries are imported, it ends with 130 as it does later."""
    try:
        from reco_assets.cli.main import main as run

        run()
    except KeyboardInterrupt:
        print("stopped by Ctrl-C: what was not finished is as it was before. Start it again.", file=sys.stderr)
        sys.exit(130)
