"""Reports as HTML pages. What belongs here: what every page shares. What doesn't: what any report says."""

import base64
import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CELL = 60  # characters of a sample's value


def render_page(package: str, template: str, **values: Any) -> str:
    """Render a template that extends `base.html.jinja`; what the values hold is shown as text, never as HTML.

    Args:
        package: The package whose folder holds the template.
        template: Its file name.
        values: What it shows; a name that it uses and that is not given is an error.
    """
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=ChoiceLoader([PackageLoader(place, "") for place in (package, __package__)]),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters["cell"] = _cell
    return environment.get_template(template).render(values)


def png_address(figure: "Figure") -> str:
    """Draw a figure as a PNG that is its own address (a data URI), so that a page with it loads nothing."""
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=80)
    return f"data:image/png;base64,{base64.b64encode(image.getvalue()).decode()}"


def _cell(value: Any) -> str:
    text = str(value)
    return text if len(text) <= CELL else f"{text[: CELL - 1]}…"
