"""spark-submit door to `reco train` with the documents' arguments."""

import sys

from reco_assets.cli.main import main

if __name__ == "__main__":
    main(["train", *sys.argv[1:]])
