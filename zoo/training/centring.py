"""Taking the mean of the training data from pixels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

__all__ = ["MeanCentring", "batches_of"]


@keras.saving.register_keras_serializable(package="nngraph")
class MeanCentring(keras.layers.Layer):
    """The mean of the training data, taken away: ``y = x - mean``, the scale left as it is.

    The mean is a weight that no optimizer changes: it is saved, loaded and exported with the
    model. Unlike it, `keras.layers.Normalization` divides by the standard deviation too.

    Args:
        per: ``"pixel"`` for a mean image ``(height, width, channels)``, as AlexNet and the Torch
            recipes have it, ``"channel"`` for one number a channel. Default: ``"pixel"``.
        name: Name of the layer.
        dtype: As of every Keras layer.

    Input: any shape whose last axis is the channels, float or integer; its values as they are,
    e.g. 0 to 255. Output: the same shape, float.

    Raises:
        ValueError: `per` is neither; the layer is called or adapted on data whose size it needs
            and that is unknown, or is other than its mean's; or there is no data, or NaN in it.

    Reference: Krizhevsky et al. 2012, section 2; Simonyan & Zisserman 2014, section 2.1.

    >>> import numpy as np
    >>> layer = MeanCentring("channel")
    >>> layer.adapt(np.array([[[[0, 10]]], [[[4, 30]]]]))
    >>> print(np.asarray(layer(np.array([[[[5, 5]]]]))).ravel())
    [  3. -15.]
    """

    def __init__(self, per: str = "pixel", *, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        if per not in ("pixel", "channel"):
            raise ValueError(f"per must be 'pixel' or 'channel', got {per!r}")
        self.per = per

    def build(self, input_shape: Any) -> None:
        """Make the mean, which is 0 until `adapt` or weights set it."""
        shape = tuple(input_shape[1:] if self.per == "pixel" else input_shape[-1:])
        if None in shape or not shape:
            raise ValueError(
                f"a mean per {self.per} needs data of known size, got {tuple(input_shape)}\n"
                f"  fix: MeanCentring('channel'), or an input of fixed size"
            )
        self.mean = self.add_weight(name="mean", shape=shape, initializer="zeros", trainable=False)

    def adapt(self, data: Any) -> None:
        """Take the mean of data, in 64 bits; an earlier one is forgotten.

        Args:
            data: Arrays ``(items, ..., channels)``, or a `tf.data.Dataset`, `PyDataset` or other
                iterable of batches, of ``(x, y)`` too. It must end.

        Raises:
            ValueError: There is none, or it is not finite, or of another size than the layer's;
                the mean is then as it was.
        """
        total, count, shape = np.zeros(()), 0, None
        for batch in batches_of(data):
            if shape is not None and batch.shape[1:] != shape[1:]:
                raise ValueError(f"batches of different sizes, {shape[1:]} and {batch.shape[1:]}")
            shape = batch.shape
            axes = 0 if self.per == "pixel" else tuple(range(batch.ndim - 1))
            total = total + batch.sum(axis=axes, dtype="float64")
            count += len(batch) if self.per == "pixel" else batch[..., 0].size
        if shape is None or not count:
            raise ValueError(f"{self.name}: there is no data to take the mean of")
        mean = total / count
        if not np.isfinite(mean).all():
            raise ValueError(f"{self.name}: the mean of the data is not finite")
        if not self.built:
            self.build((None, *shape[1:]))
            self.built = True
        if self.mean.shape != mean.shape:
            raise ValueError(
                f"{self.name} is for data whose mean is {tuple(self.mean.shape)}, this one's is "
                f"{mean.shape}"
            )
        self.mean.assign(mean)

    def call(self, x: Any) -> Any:
        """``x - mean``."""
        return ops.cast(x, self.compute_dtype) - ops.cast(self.mean, self.compute_dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """That of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The arguments that make the same layer again."""
        config = super().get_config()
        del config["trainable"]  # Nothing is.
        return {**config, "per": self.per}


def batches_of(data: Any) -> Iterator[np.ndarray]:
    """What layers that adapt are given, as arrays of batches; of ``(x, y)`` the x."""
    whole = hasattr(data, "shape") and hasattr(data, "dtype")
    # A PyDataset has a length and items, and iterating over it need not end.
    count = len(data) if isinstance(data, keras.utils.PyDataset) else None
    batches = [data] if whole else data if count is None else (data[i] for i in range(count))
    for batch in batches:
        yield np.asarray(
            ops.convert_to_numpy(batch[0] if isinstance(batch, tuple | list) else batch)
        )
