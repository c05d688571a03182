"""Endless batches that are drawn by class: balanced ones, triplets and pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .classes import Classes, below, draws, taken

if TYPE_CHECKING:
    import tensorflow as tf

__all__ = ["balanced_batches", "pair_batches", "triplet_batches"]


def balanced_batches(
    data: Any,
    labels: Any,
    *,
    batch_size: int = 32,
    seed: int | None = None,
    first: int = 0,
) -> tf.data.Dataset:
    """Batches in which every class is as likely as every other: pick a class, then an item of it.

    Batch i is a function of `seed` and i alone. It never ends: `fit` takes it with
    ``steps_per_epoch``, and ``.take(n)`` makes a fixed set, for validation.

    Args:
        data: An array ``(items, ...)``, or a tuple, list or dict of such, e.g. ``(x, y)``.
        labels: The class of each item, ``(items,)``: numbers or strings. For scores, their bins.
        batch_size: Items of a batch. Default: 32.
        seed: Seed of the draws, from 0 up. Default: None, another one each time, which
            `keras.utils.set_random_seed` decides.
        first: Where to begin, to go on with a stream that was left after that many batches.
            Default: 0.

    Returns:
        A `tf.data.Dataset` of batches nested as `data` is.

    Raises:
        ValueError: `labels` is not one class an item, an array of `data` has another number of
            items, or a number is out of range.

    Reference: the samplers of eladhoffer/TripletNet and of Caffe's users; Keras has class weights,
    which weigh the loss instead.

    >>> import numpy as np
    >>> y = np.array([0] * 98 + [1, 1])
    >>> batch_x, batch_y = next(iter(balanced_batches((y * 10.0, y), y, batch_size=8, seed=0)))
    >>> print(batch_x.shape, 1 <= int(sum(batch_y)) <= 7)
    (8,) True
    """
    kinds = Classes(labels)
    rows = taken(data, kinds.size, "data")

    def batch(u: Any) -> Any:
        of_class = below(u[:, 0], len(kinds.names))
        return rows(kinds.item(of_class, below(u[:, 1], kinds.count(of_class))))

    return _mapped(draws(batch_size, 2, seed, first), batch)


def triplet_batches(
    x: Any,
    labels: Any,
    *,
    negatives: int = 1,
    batch_size: int = 32,
    seed: int | None = None,
    first: int = 0,
) -> tf.data.Dataset:
    """Triplets, as `zoo.TripletNet` takes them: anchor, another item of its class, one of another.

    Every class is as likely as every other, for anchors as for each negative; anchor and positive
    are never one item. Batch i is a function of `seed` and i alone; it never ends, as of
    `balanced_batches`.

    Args:
        x: An array ``(items, ...)``, or nested ones for an embedding of several inputs.
        labels: The class of each item, ``(items,)``.
        negatives: How many negatives, drawn one by one, for ``TripletNet(num=negatives + 2)``.
            Default: 1.
        batch_size: Triplets of a batch. Default: 32.
        seed: As of `balanced_batches`.
        first: As of `balanced_batches`.

    Returns:
        A `tf.data.Dataset` of ``(anchors, positives, negatives)``, each nested as `x` is; of more
        negatives ``(a, p, n1, n2, ...)``.

    Raises:
        ValueError: There is one class, a class has one item, or as of `balanced_batches`.

    Reference: Hoffer & Ailon 2015, "Deep metric learning using triplet network".

    >>> import numpy as np
    >>> y = np.array([0, 0, 0, 1, 1])
    >>> a, p, n = next(iter(triplet_batches(np.arange(5), y, batch_size=4, seed=0)))
    >>> a, p, n = (np.asarray(part) for part in (a, p, n))
    >>> print((y[a] == y[p]).all(), (a != p).all(), (y[a] != y[n]).all())
    True True True
    """
    if isinstance(negatives, bool) or not isinstance(negatives, int) or negatives < 1:
        raise ValueError(f"negatives must be a whole number from 1 up, got {negatives!r}")
    kinds = Classes(labels, least=2, classes=2)
    rows = taken(x, kinds.size, "x")

    def batch(u: Any) -> Any:
        of_class = below(u[:, 0], len(kinds.names))
        anchor, positive = _two(kinds, of_class, u[:, 1], u[:, 2])
        found = [rows(anchor), rows(positive)]
        for i in range(3, 3 + 2 * negatives, 2):
            found.append(rows(_other(kinds, of_class, u[:, i], u[:, i + 1])))
        return tuple(found)

    return _mapped(draws(batch_size, 3 + 2 * negatives, seed, first), batch)


def pair_batches(
    x: Any,
    labels: Any,
    *,
    alike: float = 0.5,
    targets: tuple[float, float] = (0.0, 1.0),
    batch_size: int = 32,
    seed: int | None = None,
    first: int = 0,
) -> tf.data.Dataset:
    """Pairs with what they are, as `zoo.SiameseNet` takes them: two items of one class, or not.

    Every class is as likely as every other; the items of a pair are never one item. Batch i is a
    function of `seed` and i alone; it never ends, as of `balanced_batches`.

    Args:
        x: An array ``(items, ...)``, or nested ones for an embedding of several inputs.
        labels: The class of each item, ``(items,)``.
        alike: How likely a pair is of one class, from 0 to 1. Default: 0.5.
        targets: What stands for unlike and alike: ``(0, 1)`` for `losses.ContrastiveLoss` and
            probabilities, ``(-1, 1)`` for `losses.HingeEmbeddingLoss`. Default: ``(0, 1)``.
        batch_size: Pairs of a batch. Default: 32.
        seed: As of `balanced_batches`.
        first: As of `balanced_batches`.

    Returns:
        A `tf.data.Dataset` of ``((left, right), y)``, y ``(batch_size, 1)`` float32.

    Raises:
        ValueError: There is one class, a class has one item, `alike` is no probability, `targets`
            not two numbers, or as of `balanced_batches`.

    Reference: Koch et al. 2015, "Siamese neural networks for one-shot image recognition".

    >>> import numpy as np
    >>> y = np.array([0, 0, 0, 1, 1])
    >>> (left, right), same = next(iter(pair_batches(y, y, batch_size=6, seed=0)))
    >>> print(bool(((left == right) == (same[:, 0] == 1)).numpy().all()))
    True
    """
    import tensorflow as tf

    if not 0 <= alike <= 1:
        raise ValueError(f"alike must be a probability, from 0 to 1, got {alike!r}")
    if len(targets) != 2:
        raise ValueError(f"targets are two numbers, for unlike and alike, got {targets!r}")
    unlike_is, alike_is = (float(value) for value in targets)
    kinds = Classes(labels, least=2, classes=2)
    rows = taken(x, kinds.size, "x")

    def batch(u: Any) -> Any:
        of_class = below(u[:, 0], len(kinds.names))
        left, same = _two(kinds, of_class, u[:, 1], u[:, 2])
        is_alike = u[:, 5] < alike
        right = tf.where(is_alike, same, _other(kinds, of_class, u[:, 3], u[:, 4]))
        y = tf.where(is_alike, alike_is, unlike_is)
        return (rows(left), rows(right)), tf.cast(y, tf.float32)[:, None]

    return _mapped(draws(batch_size, 6, seed, first), batch)


def _two(kinds: Classes, of_class: Any, u: Any, v: Any) -> tuple[Any, Any]:
    """Two different items of each class."""
    count = kinds.count(of_class)
    one = below(u, count)
    # Steps of 1..count-1 round the class: every other item is as likely.
    other = (one + 1 + below(v, count - 1)) % count
    return kinds.item(of_class, one), kinds.item(of_class, other)


def _other(kinds: Classes, of_class: Any, u: Any, v: Any) -> Any:
    """An item of another class than each."""
    number = len(kinds.names)
    other = (of_class + 1 + below(u, number - 1)) % number
    return kinds.item(other, below(v, kinds.count(other)))


def _mapped(uniform: Any, batch: Any) -> Any:
    import tensorflow as tf

    return uniform.map(batch, num_parallel_calls=2).prefetch(tf.data.AUTOTUNE)
