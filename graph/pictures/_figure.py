"""Making and writing figures, without pyplot: nothing global, no window, no backend to set."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np

from ..whole_file import write_whole

__all__ = ["check_path", "finish", "new_figure", "overlay", "shown_image"]

Destination = str | os.PathLike[str] | None


def check_path(path: Destination) -> None:
    """Refuse a suffix before anything is computed."""
    if path is not None and Path(path).suffix.lower() not in (".png", ".svg"):
        raise ValueError(f"{os.fspath(path)}: a picture is written as .png or .svg")


def new_figure(width: float, height: float) -> Any:
    """An empty matplotlib Figure, in inches."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            "pictures are drawn with matplotlib, which is not installed: "
            "pip install 'nngraph-keras[viz]'"
        ) from error
    return Figure(figsize=(width, height), layout="constrained", facecolor="white")


def finish(figure: Any, path: Destination) -> Any:
    """Write the figure where that is asked for, and hand it back."""
    if path is not None:
        kind = Path(path).suffix.lower()[1:]
        buffer = io.BytesIO()
        # No date inside: the same picture is the same file.
        metadata = {"Date": None} if kind == "svg" else {"Software": None}
        figure.savefig(buffer, format=kind, dpi=100, metadata=metadata)
        write_whole(path, buffer.getvalue())
    return figure


def shown_image(image: np.ndarray) -> np.ndarray:
    """An image `(H, W, C)` of any range as matplotlib takes it, in 0..1."""
    low, high = float(image.min()), float(image.max())
    scaled = (image - low) / (high - low or 1.0)
    return scaled if image.shape[-1] == 3 else scaled.mean(axis=-1)


def overlay(image: np.ndarray, heat: np.ndarray, title: str, path: Destination) -> None:
    """Draw the image, and beside it the same under a map of the same height and width."""
    check_path(path)
    if path is None:
        return
    figure = new_figure(6.4, 3.2)
    plain, over = figure.subplots(1, 2)
    picture = shown_image(image)
    plain.imshow(picture, cmap="gray")
    plain.set_title("image", fontsize=10)
    over.imshow(picture, cmap="gray")
    signed = bool(heat.min() < 0)
    bound = float(np.abs(heat).max()) or 1.0
    drawn = over.imshow(
        heat,
        cmap="RdBu_r" if signed else "inferno",
        alpha=0.65,
        vmin=-bound if signed else 0.0,
        vmax=bound,
    )
    over.set_title(title, fontsize=10)
    figure.colorbar(drawn, ax=over, shrink=0.8)
    for axes in (plain, over):
        axes.set_axis_off()
    finish(figure, path)
