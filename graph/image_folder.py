"""The images of a folder, in the order of their names, as batches of pixels."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

__all__ = ["ImageFolder"]

_MODES = {1: "grayscale", 3: "rgb", 4: "rgba"}


class ImageFolder:
    """A folder of images, its sub-folders included, sorted by path; hidden files are left out.

    Args:
        path: The folder.
        shape: `(height, width, channels)` to which images are read: 1, 3 or 4 channels.
        preprocess: From pixels `(batch, height, width, channels)`, float32 in 0..255, to what the
            model takes. Default None: the pixels as they are.

    Raises:
        NotADirectoryError: There is no such folder.
        ValueError: It holds no file, or the shape is not that of an image of known size.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        shape: Sequence[int | None],
        preprocess: Callable[[np.ndarray], Any] | None = None,
    ) -> None:
        root = Path(path)
        if not root.is_dir():
            raise NotADirectoryError(f"there is no folder of images {root}")
        if len(shape) != 3 or None in shape or shape[-1] not in _MODES:
            raise ValueError(
                f"a folder of images needs a model that takes (height, width, channels) of known "
                f"size with 1, 3 or 4 channels; this one takes {tuple(shape)}"
            )
        self.files = sorted(
            p
            for p in root.rglob("*")
            if p.is_file() and not any(q.startswith(".") for q in p.relative_to(root).parts)
        )
        if not self.files:
            raise ValueError(f"there is no image in {root}")
        self._root, self._size, self._mode = root, shape[:2], _MODES[shape[-1]]
        self._preprocess = preprocess

    def __len__(self) -> int:
        return len(self.files)

    def batch(self, start: int, stop: int) -> Any:
        """Images `start` to `stop`, resized by `keras.utils.load_img`.

        Raises:
            ValueError: A file is not an image that can be read; the message has its path.
        """
        pixels = np.stack([self._read(file) for file in self.files[start:stop]])
        return pixels if self._preprocess is None else self._preprocess(pixels)

    def _read(self, file: Path) -> np.ndarray:
        try:
            image = keras.utils.load_img(file, color_mode=self._mode, target_size=self._size)
        except (OSError, ValueError, SyntaxError) as error:  # SyntaxError: a broken PNG, in Pillow
            raise ValueError(f"{file} is not an image that can be read: {error}") from error
        array = keras.utils.img_to_array(image, data_format="channels_last", dtype="float32")
        return np.asarray(array)

    def described(self) -> str:
        """Names, sizes and times of the files, as a text that changes when they do."""
        rows = [(str(f.relative_to(self._root)), f.stat()) for f in self.files]
        return repr([(name, s.st_size, s.st_mtime_ns) for name, s in rows])
