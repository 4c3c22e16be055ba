"""Ratings that come already split: combined/{train,test,future}.txt in the Netflix block format.

The split stays as delivered: the splitter reads each row's side from the name of its file.
"""

from pathlib import Path

import pyarrow.dataset as ds

from reco_assets.sources.netflix import MOVIES, TAGS, blocks_table, titles_table
from reco_assets.sources.source import SOURCE_FILE, Format, Source, SourceError, empty_table
from reco_assets.vocabulary import SIDES

FILES = tuple(f"{side}.txt" for side in SIDES)


def came_split(bronze: ds.Dataset) -> bool:
    """Whether raw ratings, with the file that each came from, are those of such a source."""
    first = bronze.head(1, columns=[SOURCE_FILE]).to_pylist()
    return bool(first) and first[0][SOURCE_FILE] in FILES


def source(folder: Path) -> Source:
    """The three files (future.txt is optional) in `folder` or `folder/combined`. Raises `SourceError`."""
    combined = folder / "combined" if (folder / "combined").is_dir() else folder
    files = tuple(combined / name for name in FILES)
    for required in files[:2]:
        if not required.exists():
            raise SourceError(required, None, "the file does not exist", "RECO_SOURCE=presplit needs train and test.")
    present = tuple(path for path in files if path.exists())
    titles = next((f for f in (combined / "movie_titles.csv", folder / "movie_titles.csv") if f.exists()), None)
    return Source(
        name="presplit",
        ratings=blocks_table(present),
        movies=titles_table(titles) if titles else empty_table(MOVIES),
        tags=empty_table(TAGS),
        files=(*present, *((titles,) if titles else ())),
    )


FORMAT = Format(source, signs=("train.txt", "combined/train.txt"))
