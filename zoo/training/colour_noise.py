"""AlexNet's noise of colour and light."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from .centring import batches_of

__all__ = ["ColourNoise"]


@keras.saving.register_keras_serializable(package="nngraph")
class ColourNoise(keras.layers.Layer):
    """Every image of a batch gets one shift of colour, in training only.

    ``y = x + P (a * s)``, a ~ N(0, sigma^2) for each image and direction. The directions P and
    their deviations s are those of the pixels' principal components after `adapt`, as of AlexNet,
    so that images change as photographs do when the light changes; before it, the channels
    themselves and 1: noise of deviation sigma on each channel.

    The paper multiplies a by the variances s^2; here it is the deviations, so that the noise keeps
    its strength when the pixels are scaled. The constants that are handed round with the paper
    (55.46, 4.794, 1.148 for 0..255) are of the size of deviations.

    Args:
        sigma: Strength, 0 or more: after `adapt` relative to the deviations of the data, before it
            in units of the pixels. Default: 0.1, the paper's.
        seed: Seed of the draws. Default: None, another one each time.
        name: Name of the layer.
        dtype: As of every Keras layer.

    Input: images ``(batch, ..., channels)``, any number of channels. Output: the same shape. Values
    are not clipped.

    Raises:
        ValueError: `sigma` is negative or no number, or the channels are unknown.

    Reference: Krizhevsky et al. 2012, section 4.1.

    >>> import numpy as np
    >>> layer = ColourNoise(0.5, seed=1)
    >>> noisy = np.asarray(layer(np.zeros((2, 4, 4, 3)), training=True))
    >>> print((noisy == noisy[:, :1, :1]).all(), (noisy[0] != noisy[1]).all())
    True True
    """

    def __init__(
        self,
        sigma: float = 0.1,
        *,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        if not 0 <= sigma < np.inf:
            raise ValueError(f"sigma must be a number from 0 up, got {sigma!r}")
        self.sigma = float(sigma)
        self.seed = seed
        self.generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape: Any) -> None:
        """Make the basis, a column ``s_i P_i`` for each direction."""
        channels = input_shape[-1]
        if channels is None:
            raise ValueError(f"{self.name} needs images with a known number of channels")
        self.basis = self.add_weight(
            name="basis", shape=(channels, channels), initializer="identity", trainable=False
        )

    def adapt(self, data: Any) -> None:
        """Take directions and deviations from the pixels of training images, in 64 bits.

        Args:
            data: As of `MeanCentring.adapt`.

        Raises:
            ValueError: There are no pixels, or they are not finite, or of another number of
                channels; the basis is then as it was.
        """
        count, total, products = 0, np.zeros(()), np.zeros(())
        for batch in batches_of(data):
            pixels = np.asarray(batch, "float64").reshape(-1, batch.shape[-1])
            count += len(pixels)
            total = total + pixels.sum(axis=0)
            products = products + pixels.T @ pixels
        if not count or not np.isfinite(products).all():
            raise ValueError(f"{self.name} needs pixels that are finite, got {count} pixels")
        mean = total / count
        channels = len(mean)
        if not self.built:
            self.build((None, channels))
            self.built = True
        if self.basis.shape[0] != channels:
            raise ValueError(
                f"{self.name} is for images of {self.basis.shape[0]} channels, got {channels}"
            )
        variances, directions = np.linalg.eigh(products / count - np.outer(mean, mean))
        self.basis.assign(directions * np.sqrt(np.maximum(variances, 0)))

    def call(self, x: Any, training: bool = False) -> Any:
        """`x` and, in training, the noise."""
        x = ops.cast(x, self.compute_dtype)
        if not training or self.sigma == 0:
            return x
        shape = (ops.shape(x)[0], self.basis.shape[0])
        drawn = keras.random.normal(shape, stddev=self.sigma, dtype="float32", seed=self.generator)
        shift = ops.matmul(drawn, ops.transpose(ops.cast(self.basis, "float32")))
        shift = ops.reshape(shift, (-1, *[1] * (len(x.shape) - 2), shape[1]))
        return x + ops.cast(shift, x.dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """That of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The arguments that make the same layer again."""
        config = super().get_config()
        del config["trainable"]  # Nothing is.
        return {**config, "sigma": self.sigma, "seed": self.seed}
