"""A layer that holds proxies of classes, and compares embeddings with them."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from ._euclidean import normalized, safe_power

__all__ = ["ClassProxies"]

_MAGNITUDES = (None, "embedding", "both")


@keras.saving.register_keras_serializable(package="nngraph")
class ClassProxies(keras.layers.Layer):
    """Cosines of embeddings with learned proxies of each class, what proxy losses take.

    `y[i, c] = x_i . w_c / (|x_i| |w_c|)`. It is the last layer in training; the embeddings before
    it are what a trained model is used for. For `ProxyAnchorLoss`, `ProxyNCALoss`,
    `NormalizedSoftmaxLoss`, `ArcFaceLoss`, `CosFaceLoss`; with `proxies_per_class` for
    `SubCenterArcFaceLoss` and `SoftTripleLoss`; with `magnitude="both"` for
    `LargeMarginSoftmaxLoss` and `"embedding"` for `SphereFaceLoss`.

    Args:
        num_classes: How many classes.
        proxies_per_class: How many proxies each has.
        magnitude: None; or what is put beside each cosine, `|x_i|` for "embedding" and
            `|x_i| |w_c|` for "both".
        initializer: Of the weight `proxies`, of shape `(d, num_classes * proxies_per_class)`, those
            of one class side by side.
        regularizer: Of the weight, or None.
        name: A name for the layer.
        dtype: The dtype policy of the layer; cosines are always formed in at least 32 bits.
        trainable: Whether the proxies are learned.

    Raises:
        ValueError: If an argument is out of range, or the input is not of shape `(batch, d)`.

    References:
        PML twins: the weights `W`, `proxies` or `fc` inside the losses of pytorch-metric-learning.

    Example:
        >>> import numpy as np
        >>> ClassProxies(10)(np.ones((4, 8), "float32")).shape == (4, 10)
        True
    """

    def __init__(
        self,
        num_classes: int,
        proxies_per_class: int = 1,
        magnitude: str | None = None,
        initializer: Any = "glorot_uniform",
        regularizer: Any = None,
        name: str | None = None,
        dtype: Any = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(name=name, dtype=dtype, trainable=trainable)
        if num_classes < 1 or proxies_per_class < 1:
            raise ValueError(
                "ClassProxies needs at least one class and one proxy for each; got "
                f"num_classes={num_classes}, proxies_per_class={proxies_per_class}"
            )
        if magnitude not in _MAGNITUDES or (magnitude and proxies_per_class > 1):
            raise ValueError(
                "ClassProxies takes magnitude None, or 'embedding' or 'both' with one proxy a "
                f"class; got {magnitude!r} with {proxies_per_class}"
            )
        self.num_classes = int(num_classes)
        self.proxies_per_class = int(proxies_per_class)
        self.magnitude = magnitude
        self.initializer = keras.initializers.get(initializer)
        self.regularizer = keras.regularizers.get(regularizer)

    def build(self, input_shape: Any) -> None:
        """Make the proxies."""
        if len(input_shape) != 2 or input_shape[1] is None:
            raise ValueError(
                f"{self.name} (ClassProxies) needs embeddings of shape (batch, d), d known; "
                f"got {tuple(input_shape)}"
            )
        self.proxies = self.add_weight(
            name="proxies",
            shape=(input_shape[1], self.num_classes * self.proxies_per_class),
            initializer=self.initializer,
            regularizer=self.regularizer,
        )
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Cosines of shape `(batch, classes)`, or with a last axis as the arguments have it."""
        wide = "float64" if self.compute_dtype == "float64" else "float32"
        x, proxies = ops.cast(inputs, wide), ops.cast(self.proxies, wide)
        cosines = ops.matmul(normalized(x), normalized(proxies, axis=0))
        if self.proxies_per_class > 1:
            return ops.reshape(cosines, (-1, self.num_classes, self.proxies_per_class))
        if self.magnitude is None:
            return cosines
        sizes = safe_power(ops.sum(ops.square(x), axis=1, keepdims=True), 0.5)
        if self.magnitude == "both":
            sizes = sizes * safe_power(ops.sum(ops.square(proxies), axis=0, keepdims=True), 0.5)
        return ops.stack([cosines, ops.broadcast_to(sizes, ops.shape(cosines))], axis=-1)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """`(batch, classes)`, with a last axis where there are more proxies or magnitudes."""
        last: tuple[int, ...] = (self.proxies_per_class,) if self.proxies_per_class > 1 else ()
        return (input_shape[0], self.num_classes, *(last or ((2,) if self.magnitude else ())))

    def get_config(self) -> dict[str, Any]:
        """The arguments that make the same layer again."""
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "proxies_per_class": self.proxies_per_class,
            "magnitude": self.magnitude,
            "initializer": keras.initializers.serialize(self.initializer),
            "regularizer": keras.regularizers.serialize(self.regularizer),
        }
