"""Dagster's web server behind a guard, as it has no authentication: `python -m reco_assets.web [dev] …`."""
