"""The code location that workspace.yaml points to."""

from reco_assets.build import build_definitions

defs = build_definitions()
