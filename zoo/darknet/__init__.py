"""Darknet's configurations as models, and its preparation of images."""

from .building import from_darknet
from .cfg import DarknetCfgError
from .images import center_crop, letterbox, preprocess_input, resize

__all__ = [
    "DarknetCfgError",
    "center_crop",
    "from_darknet",
    "letterbox",
    "preprocess_input",
    "resize",
]
