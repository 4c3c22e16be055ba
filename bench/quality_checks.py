"""The checks of silver/ratings on synthetic ratings: seconds, engine jobs; and the same in pandera and cuallee.

Asked: at most 5 jobs and 30 s for 5 M rows on 2 idle cores.
"""

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from quality_peers import TOOLS, count_jobs
from rich.console import Console
from rich.table import Table

from reco_assets.build import build_definitions
from reco_assets.pipelines.selections import BRONZE, SILVER
from reco_assets.quality.checking import check_table
from reco_assets.quality.declarations import DECLARED
from reco_assets.quality.kinds import KINDS
from reco_assets.runner.run import materialize_assets
from resources.settings import Settings, load_settings
from resources.tables.lakehouse import Lakehouse

HERE = Path(__file__).resolve().parent
PEERS = HERE.parent / ".venv-quality" / "bin" / "python"
RATINGS = "silver/ratings"
PATIENCE_SECONDS = 300
USERS_PER_RATING, MOVIES_PER_RATING = 1 / 150, 1 / 400


def main() -> None:
    """Make the tables, check them, print what each tool took, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ratings", type=int, default=5_000_000)
    parser.add_argument("--peers", type=Path, default=PEERS, help="Python with bench/requirements-quality.lock")
    parser.add_argument("--output", type=Path, default=HERE / "results" / "quality_checks.json")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        settings = load_settings(
            lakehouse_path=Path(work) / "lake",
            reco_engine="embedded",
            reco_source="synthetic",
            synthetic_ratings=arguments.ratings,
            synthetic_users=max(100, int(arguments.ratings * USERS_PER_RATING)),
            synthetic_movies=max(100, int(arguments.ratings * MOVIES_PER_RATING)),
        )
        materialize_assets(build_definitions, settings, (*BRONZE, *SILVER))
        found = [told(own(settings)), *(told(peer(arguments.peers, tool, settings)) for tool in TOOLS)]
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps({"ratings": arguments.ratings, "found": found}, indent=2))
    table = Table("tool", "seconds", "engine jobs", "rules", "cannot")
    for row in found:
        table.add_row(
            row["tool"], f"{row['seconds']:.1f}", str(row["jobs"]), str(row["rules"]), ", ".join(row["cannot"])
        )
    Console(width=160).print(f"{arguments.ratings:,} ratings", table)


def told(found: dict[str, Any]) -> dict[str, Any]:
    """The same, said on the way: under load a tool may take minutes."""
    print(json.dumps(found), flush=True)
    return found


def own(settings: Settings) -> dict[str, Any]:
    """All kinds of checks of the table, none of whose numbers is kept."""
    lakehouse = Lakehouse.open(settings)
    lakehouse.path("quality").rename(lakehouse.path("measured_before"))
    lakehouse.read(RATINGS).limit(1).collect()
    jobs = count_jobs()
    started = time.monotonic()
    findings = check_table(lakehouse, DECLARED[RATINGS], KINDS)
    seconds = time.monotonic() - started
    lakehouse.engine.stop()
    declared = DECLARED[RATINGS]
    rules = len(declared.required) + len(declared.rules) + len(declared.layouts[0]) + 5
    passed = all(finding.passed for finding in findings)
    return {
        "tool": "this platform",
        "seconds": seconds,
        "jobs": len(jobs),
        "passed": passed,
        "rules": rules,
        "cannot": [],
    }


def peer(python: Path, tool: str, settings: Settings) -> dict[str, Any]:
    """The same checks in another tool, as far as it knows them; given up when it takes too long."""
    command = [str(python), str(HERE / "quality_peers.py"), tool, str(settings.storage.root / RATINGS)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        unfinished = f"an end within {PATIENCE_SECONDS} s"
        return {"tool": tool, "seconds": PATIENCE_SECONDS, "jobs": None, "rules": None, "cannot": [unfinished]}
    if done.returncode:
        raise SystemExit(f"{tool} did not run: {done.stderr.strip()[-500:] or 'it was ended from outside'}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


if __name__ == "__main__":
    main()
