"""Pages share one base, show values as text and load nothing."""

import re

import pytest
from jinja2 import UndefinedError
from matplotlib.figure import Figure

from reco_assets.reports.page import png_address, render_page

NOTHING = {"kind": "nothing", "performance": "", "made": "", "tables": [], "charts": [], "facts": []}


def _drift_page(reason: str) -> str:
    return render_page("reco_assets.drift", "report.html.jinja", headline="Nothing", reason=reason, **NOTHING)


def test_a_page_has_its_title_and_the_style_of_the_base() -> None:
    page = _drift_page("no batch is waiting")
    assert page.startswith("<!doctype html>")
    assert "<title>Drift report</title>" in page
    assert "color-scheme: light dark" in page


def test_what_a_value_holds_is_shown_as_text() -> None:
    assert "a &lt;b&gt; &amp; c" in _drift_page("a <b> & c")


def test_a_value_that_is_missing_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="'headline' is undefined"):
        render_page("reco_assets.drift", "report.html.jinja", **NOTHING)


def test_a_figure_is_an_address_that_loads_nothing() -> None:
    assert re.fullmatch(r"data:image/png;base64,[\w+/]+=*", png_address(Figure(figsize=(1, 1))))
