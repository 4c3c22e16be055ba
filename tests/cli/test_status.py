"""`reco status` as a person sees it; what its sections hold is tested in tests/monitoring."""

import json
import subprocess
from collections.abc import Callable

Reco = Callable[..., "subprocess.CompletedProcess[str]"]


def test_one_screen_names_every_section(reco: Reco) -> None:
    told = reco("status").stdout
    for name in ("platform", "champion", "lists", "batches", "files", "drift", "last failed run", "daemon", "alerts"):
        assert f"\n{name} " in f"\n{told}"


def test_as_json_it_is_one_document(reco: Reco) -> None:
    assert set(json.loads(reco("status", "--json").stdout)) >= {"champion", "batches", "daemon"}
