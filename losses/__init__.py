"""Losses and metrics for Keras 3, written with keras.ops: they run on every Keras backend."""

from .triplet_embedding import TripletEmbeddingLoss, triplet_embedding

__all__ = ["TripletEmbeddingLoss", "triplet_embedding"]
