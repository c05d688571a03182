"""Curves as SVG and images as PNG, inside the page: no matplotlib, no file beside it."""

from __future__ import annotations

import base64
import html
import struct
import zlib
from collections.abc import Mapping, Sequence

import numpy as np

__all__ = ["curves", "picture"]

_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 420, 220, 58, 30


def curves(title: str, lines: Mapping[str, Sequence[float]]) -> str:
    """A chart of values by epoch, as SVG that takes its colours from the page's style.

    Args:
        title: what is drawn.
        lines: name -> one value an epoch; what is not finite leaves a gap.
    """
    every = np.array([v for line in lines.values() for v in line], "float64")
    finite = every[np.isfinite(every)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if high == low:
        low, high = low - 0.5, high + 0.5
    epochs = max(len(line) for line in lines.values())

    def x(k: int) -> float:
        return _LEFT + (_WIDTH - _LEFT - 12) * (k / max(epochs - 1, 1))

    def y(value: float) -> float:
        return 12 + (_HEIGHT - _BOTTOM - 12) * (1 - (value - low) / (high - low))

    parts = [f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{html.escape(title)}">']
    for value in np.linspace(low, high, 4):
        parts.append(
            f'<path class="grid" d="M{_LEFT} {y(value):.1f}H{_WIDTH - 12}"/>'
            f'<text x="{_LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.3g}</text>'
        )
    for k in sorted({0, (epochs - 1) // 2, epochs - 1}):
        parts.append(f'<text x="{x(k):.1f}" y="{_HEIGHT - 10}" text-anchor="middle">{k + 1}</text>')
    for number, line in enumerate(lines.values()):
        pen, path = "M", []
        for k, value in enumerate(line):
            if np.isfinite(value):
                path.append(f"{pen}{x(k):.1f} {y(value):.1f}")
                pen = "L"
                if len(line) == 1:
                    at = f'cx="{x(k):.1f}" cy="{y(value):.1f}"'
                    parts.append(f'<circle class="dot{number % 2}" {at} r="4"/>')
            else:
                pen = "M"
        parts.append(f'<path class="line{number % 2}" d="{"".join(path)}"/>')
    keys = "".join(
        f'<span class="key{n % 2}">{html.escape(name)}: {line[-1]:.4g}</span>'
        for n, (name, line) in enumerate(lines.items())
    )
    heading = f"<h3>{html.escape(title)} by epoch</h3><p>{keys}</p>"
    return f"<figure>{heading}{''.join(parts)}</svg></figure>"


def picture(image: np.ndarray, label: str) -> str:
    """An image of values 0..1, `(H, W)`, `(H, W, 1)` or `(H, W, 3)`, as an `img` element."""
    pixels = (np.clip(np.nan_to_num(image), 0, 1) * 255 + 0.5).astype("uint8")
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    data = base64.b64encode(_png(pixels)).decode()
    return f'<img src="data:image/png;base64,{data}" alt="{html.escape(label)}">'


def _png(pixels: np.ndarray) -> bytes:
    height, width, channels = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    head = struct.pack(">IIBBBBB", width, height, 8, 2 if channels == 3 else 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
