"""spark-submit door to `reco etl`: bronze to silver, reports and split."""

import sys

from reco_assets.cli.main import main

if __name__ == "__main__":
    main(["etl", *sys.argv[1:]])
