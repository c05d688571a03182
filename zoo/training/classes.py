"""Items in order of their class, and draws of them inside tf.data."""

from __future__ import annotations

import random
from typing import Any

import keras
import numpy as np

__all__ = ["Classes", "below", "draws", "taken"]


class Classes:
    """The items of each class.

    Args:
        labels: One class for each item, `(items,)` or `(items, 1)`: numbers or strings.
        least: How many items each class must have.
        classes: How many classes there must be.

    Raises:
        ValueError: `labels` has another shape, or there are too few classes or items in one.
    """

    def __init__(self, labels: Any, *, least: int = 1, classes: int = 1) -> None:
        found = np.asarray(labels)
        if found.ndim == 2 and found.shape[1] == 1:
            found = found[:, 0]
        if found.ndim != 1 or not len(found):
            raise ValueError(f"labels must be one class an item, (items,), got shape {found.shape}")
        self.names, of, counts = np.unique(found, return_inverse=True, return_counts=True)
        if len(self.names) < classes:
            raise ValueError(
                f"at least {classes} classes are needed, all labels are {self.names.tolist()[0]!r}"
            )
        few = self.names[counts < least]
        if len(few):
            named = ", ".join(map(repr, few[:10].tolist())) + (", ..." if len(few) > 10 else "")
            raise ValueError(
                f"every class needs at least {least} items; fewer have {named}\n"
                f"  fix: leave these classes out"
            )
        self.items = np.argsort(of.reshape(-1), kind="stable")
        self.counts = counts
        self.starts = np.cumsum(counts) - counts
        self.size = len(found)

    def item(self, of_class: Any, place: Any) -> Any:
        """The `place`-th item of a class, both tensors of one shape."""
        import tensorflow as tf

        return tf.gather(self.items, tf.gather(self.starts, of_class) + place)

    def count(self, of_class: Any) -> Any:
        """How many items classes have."""
        import tensorflow as tf

        return tf.gather(self.counts, of_class)


def draws(rows: int, columns: int, seed: int | None, first: int) -> Any:
    """An endless tf.data of uniform numbers in [0, 1), `(rows, columns)` float64.

    Element i is a function of the seed and `first` + i alone.

    Raises:
        ValueError: `rows` is no positive whole number, or `seed` or `first` none from 0 up.
    """
    import tensorflow as tf

    for what, value, least in (("batch_size", rows, 1), ("first", first, 0), ("seed", seed, 0)):
        if value is None and what == "seed":
            continue
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise ValueError(f"{what} must be a whole number from {least} up, got {value!r}")
    # Python's own, as in Keras, so that keras.utils.set_random_seed decides it too.
    key = random.randrange(2**31) if seed is None else int(seed)

    def draw(i: Any) -> Any:
        return tf.random.stateless_uniform(
            (rows, columns),
            tf.stack([tf.constant(key, tf.int64), i]),
            dtype="float64",
            alg="philox",
        )

    return tf.data.Dataset.counter(first).map(draw, num_parallel_calls=2)


def below(uniform: Any, count: Any) -> Any:
    """Whole numbers 0..count-1 from numbers in [0, 1)."""
    import tensorflow as tf

    return tf.cast(tf.floor(uniform * tf.cast(count, tf.float64)), tf.int64)


def taken(data: Any, size: int, what: str) -> Any:
    """A function from positions to these rows of every array in `data`, nested as it is.

    Raises:
        ValueError: An array has another number of items than there are labels.
    """
    import tensorflow as tf

    def checked(x: Any) -> Any:
        if np.ndim(x) == 0 or len(x) != size:
            count = "one number" if np.ndim(x) == 0 else f"{len(x)} items"
            raise ValueError(f"there are {size} labels, and {count} in {what}")
        return tf.convert_to_tensor(x)

    tensors = keras.tree.map_structure(checked, data)
    return lambda rows: keras.tree.map_structure(lambda x: tf.gather(x, rows), tensors)
