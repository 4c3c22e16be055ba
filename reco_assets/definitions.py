"""The code location that workspace.yaml points to."""

from reco_assets.build import build_definitions
from resources.orchestrator.json_logs import log_as
from resources.settings import load_settings

_settings = load_settings()
log_as(_settings.logs.format)
defs = build_definitions(_settings)
