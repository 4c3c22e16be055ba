"""Links between files of the repository become links between pages of the site. Pure."""

import posixpath
import re

from tools.site.places import site_place

CODE = re.compile(r"(^ *```.*?^ *```$|`[^`\n]+`)", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(\]\()([^)\s]+)(\))")


def github_anchor(heading: str, _separator: str = "-") -> str:
    """What GitHub names a heading in addresses."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def relinked(markdown: str, path: str) -> str:
    """A page with its links to files of the repository as links on the site; those that lead out of it stay.

    Args:
        markdown: The page.
        path: Where it lies in the repository.
    """
    parts = CODE.split(markdown)
    parts[::2] = [LINK.sub(lambda found: found[1] + _on_site(found[2], path) + found[3], part) for part in parts[::2]]
    return "".join(parts)


def _on_site(target: str, path: str) -> str:
    place, mark, anchor = target.partition("#")
    if not place or "://" in place or place.startswith("mailto:"):
        return target
    named = posixpath.normpath(posixpath.join(posixpath.dirname(path), place))
    found = site_place(f"{named}/README.md" if place.endswith("/") else named)
    if found is None:
        return target
    here = posixpath.dirname(site_place(path) or "")
    return posixpath.relpath(found, here or ".") + mark + anchor
