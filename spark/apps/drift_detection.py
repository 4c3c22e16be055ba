"""spark-submit door to `reco stream` with the documents' verbs: process, detect_drift, merge."""

import sys

from reco_assets.cli.main import main

if __name__ == "__main__":
    main(["stream", *sys.argv[1:]])
