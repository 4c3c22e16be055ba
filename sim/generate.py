"""The documents' door to the asset of simulated events: `python sim/generate.py generate-all`."""

import argparse

from reco_assets.cli.main import main

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Simulate events; as `reco run --select events/simulated`.")
    parser.add_argument("what", choices=["generate-all"], help="users, movies and what users do with movies")
    parser.parse_args()
    main(["run", "--select", "events/simulated"])
