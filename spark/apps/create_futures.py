"""spark-submit door to `reco futures` with the documents' arguments."""

import sys

from reco_assets.cli.main import main

if __name__ == "__main__":
    main(["futures", *sys.argv[1:]])
