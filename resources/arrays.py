"""Arrays in files of their own, which all processes of a machine map: the pages in use lie in memory once."""

from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike


def new_array(path: Path, dtype: DTypeLike, shape: tuple[int, ...]) -> np.ndarray:
    """An array in a new file, to be filled; what is written lies in the file and not in the process's own memory."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if 0 in shape:  # nothing can be mapped of no bytes
        np.save(path, np.zeros(shape, dtype))
        return np.zeros(shape, dtype)
    return np.lib.format.open_memmap(path, "w+", dtype, shape).view(np.ndarray)


def mapped_array(path: Path) -> np.ndarray:
    """The array of a file, to be read; a page comes from the disk when it is looked at first."""
    try:
        found: np.ndarray = np.load(path, mmap_mode="r")
    except ValueError:  # an array without elements has no bytes to be mapped
        found = np.load(path)
    return found.view(np.ndarray)  # every slice of a memmap is a memmap again, which takes its time
