"""Pictures of a model: filters, feature maps, and what in an image an answer rests on.

`to_display_tensor`, and the functions that return arrays, need NumPy only; drawing needs
matplotlib, the extra `viz`.
"""

from .attribution import grad_cam, occlusion_map, saliency
from .display import to_display_tensor
from .embedding import embedding_scatter, principal_components
from .layers import activation_histograms, feature_maps, filters
from .recurrent import lstm_gates

__all__ = [
    "activation_histograms",
    "embedding_scatter",
    "feature_maps",
    "filters",
    "grad_cam",
    "lstm_gates",
    "occlusion_map",
    "principal_components",
    "saliency",
    "to_display_tensor",
]
