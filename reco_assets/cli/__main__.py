"""`python -m reco_assets.cli` is `reco`."""

from reco_assets.cli.entry import main

main()
