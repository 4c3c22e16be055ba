"""spark-submit door to `reco etl` with the documents' arguments."""

import sys

from reco_assets.cli.main import main

if __name__ == "__main__":
    main(["etl", *sys.argv[1:]])
