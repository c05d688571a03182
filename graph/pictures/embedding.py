"""Embeddings on a plane."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._figure import Destination, check_path, finish, new_figure, shown_image

__all__ = ["embedding_scatter", "principal_components"]


def principal_components(x: Any, count: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Project on the directions of the largest variance.

    Args:
        x: `(samples, features)`.
        count: directions. Default 2.

    Returns:
        The projections `(samples, count)`, centred, and each direction's share of the variance.
        Of the two signs of a direction, the one that makes its largest part positive.

    Raises:
        ValueError: `x` is no such matrix of finite numbers, or has fewer than `count` rows or
            columns.
    """
    matrix = np.asarray(x, "float64")
    if matrix.ndim != 2 or min(matrix.shape) < count or not np.isfinite(matrix).all():
        raise ValueError(
            f"embeddings are finite numbers (samples, features), at least {count} of each; got "
            f"shape {matrix.shape}"
        )
    centred = matrix - matrix.mean(axis=0)
    u, s, directions = np.linalg.svd(centred, full_matrices=False)
    largest = np.abs(directions[:count]).argmax(axis=1)
    signs = np.sign(directions[np.arange(count), largest])
    total = float((s**2).sum()) or 1.0
    return u[:, :count] * s[:count] * signs, s[:count] ** 2 / total


def embedding_scatter(
    embeddings: Any,
    labels: Any = None,
    images: Any = None,
    *,
    thumbnails: int = 60,
    path: Destination = None,
) -> Any:
    """Draw embeddings on their first two principal components, with images at some points.

    Args:
        embeddings: `(samples, features)`.
        labels: `(samples,)`, one colour a value. Default: one colour.
        images: `(samples, H, W, C)`, drawn at some of the points. Default: points only.
        thumbnails: images at most, spread evenly over the samples. Default 60.
        path: where to write it, `.png` or `.svg`. Default: nowhere.

    Returns:
        The matplotlib Figure.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: the numbers of samples differ, or `embeddings` is not as above.
    """
    check_path(path)
    places, share = principal_components(embeddings)
    for what, given in (("labels", labels), ("images", images)):
        if given is not None and len(given) != len(places):
            raise ValueError(f"{len(places)} embeddings but {len(given)} {what}")
    figure = new_figure(7.2, 5.6)
    axes = figure.subplots()
    kinds = [None] if labels is None else list(np.unique(np.asarray(labels)))
    from matplotlib import colormaps

    for k, kind in enumerate(kinds):
        rows = slice(None) if kind is None else np.asarray(labels) == kind
        colour = colormaps["tab10" if len(kinds) <= 10 else "tab20"](k % 20)
        axes.scatter(*places[rows].T, s=14, color=colour, alpha=0.75, label=str(kind))
    if labels is not None:
        axes.legend(title="label", loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    if images is not None:
        from matplotlib.offsetbox import AnnotationBbox, OffsetImage

        chosen = np.linspace(0, len(places) - 1, min(thumbnails, len(places))).astype(int)
        for k in np.unique(chosen):
            picture = shown_image(np.asarray(images[k], "float64"))
            box = OffsetImage(picture, zoom=22 / max(picture.shape[:2]), cmap="gray")
            axes.add_artist(AnnotationBbox(box, tuple(places[k]), pad=0.1))
    axes.set_xlabel(f"first principal component, {share[0]:.0%} of the variance")
    axes.set_ylabel(f"second, {share[1]:.0%}")
    axes.spines[["right", "top"]].set_visible(False)
    return finish(figure, path)
