"""Ratings that come already split: combined/{train,test,future}.txt in the Netflix block format.

The split stays as delivered: the splitter reads each row's side from the name of its file.
"""

from pathlib import Path

import pyarrow.dataset as ds

from reco_assets.sources.netflix import MOVIES, TAGS, TITLES_FILE, blocks_table, titles_table
from reco_assets.sources.packed import containers, found
from reco_assets.sources.source import SOURCE_FILE, Format, Source, SourceError, empty_table
from reco_assets.vocabulary import SIDES

FILES = tuple(f"{side}.txt" for side in SIDES)


def came_split(bronze: ds.Dataset) -> bool:
    """Whether raw ratings, with the file that each came from, are those of such a source."""
    first = bronze.head(1, columns=[SOURCE_FILE]).to_pylist()
    return bool(first) and first[0][SOURCE_FILE] in FILES


def source(folder: Path) -> Source:
    """The three files (future.txt is optional) in `folder` or `folder/combined`, or in a zip. Raises `SourceError`."""
    combined = folder / "combined" if (folder / "combined").is_dir() else folder
    files = {name: path for name in FILES if (path := found(combined, name))}
    for required in FILES[:2]:
        if required not in files:
            rule = "the file does not exist"
            raise SourceError(combined / required, None, rule, "RECO_SOURCE=presplit needs train and test.")
    titles = found(combined, TITLES_FILE) or found(folder, TITLES_FILE)
    return Source(
        name="presplit",
        ratings=blocks_table(files),
        movies=titles_table(titles) if titles else empty_table(MOVIES),
        tags=empty_table(TAGS),
        files=containers((*files.values(), *((titles,) if titles else ()))),
    )


FORMAT = Format(source, signs=("train.txt", "combined/train.txt"))
