"""spark-submit door to `reco evaluate` with the documents' arguments."""

import sys

from reco_assets.cli.main import main

if __name__ == "__main__":
    main(["evaluate", *sys.argv[1:]])
