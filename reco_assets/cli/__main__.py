"""`python -m reco_assets.cli` is `reco`."""

from reco_assets.cli.main import main

main()
