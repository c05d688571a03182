"""TripletNet."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from .distances import Distance
from .metric_net import MetricNet, metric_net

__all__ = ["TripletNet"]


def TripletNet(
    embedding: keras.Model,
    num: int = 3,
    distance: Distance | None = "l2",
    collect: Sequence[str] = (),
    single_pass: bool = False,
    name: str = "triplet_net",
) -> MetricNet:
    """One embedding at `num` inputs, and how far the first is from each other.

    ``y[i] = distance(embedding(x[0]), embedding(x[i + 1]))``, one set of variables whatever `num`.

    The inputs are called ``anchor``, ``positive``, ``negative``; with another `num` ``anchor``,
    ``other_1``, ``other_2``, ... An embedding of several inputs gives ``anchor_image`` and so on,
    and takes nested data: ``((a1, a2), (p1, p2), (n1, n2))``.

    `fit`, `evaluate` and `predict` take the inputs without labels: arrays ``[a, p, n]``, or a
    dataset or generator of ``(a, p, n)``, of ``((a, p, n),)`` or of dicts by input name; with
    labels ``((a, p, n), y)``.

    Args:
        embedding: Any Keras model of one output ``(batch, d)``: Sequential, Functional,
            subclassed, a `graph.GModule`, one of this package. Its variables are the net's;
            ``net.embedding`` is it, after loading too.
        num: How many inputs, at least 2. Default: 3.
        distance: ``"l2"`` (Torch's `nn.PairwiseDistance(2)`, the default), ``"squared_l2"``,
            ``"l1"``, ``"cosine"`` (1 less the cosine), a module or Keras layer that takes a table
            ``[a, b]``, or a function of ``(a, b)``. None: the outputs are the embeddings
            themselves, ``(batch, num, d)``, as `losses.TripletEmbeddingLoss` takes them.
        collect: Inner layers of the embedding, named as for `graph.activations`, whose features
            are outputs too; of each one ``(batch, num, ...)``, called ``conv1_features``. One loss
            given to `compile` is that of the distances alone.
        single_pass: Whether to run the embedding once, on all inputs put into one batch, instead
            of `num` times. The numbers are the same but for layers that look at the whole batch:
            batch normalisation then normalises with the statistics of all inputs together while
            it trains, and updates its moving averages once a step. Dropout is drawn anew for
            every row either way. `graph.activations` inside the embedding then has `num` rows for
            each sample: anchor, positive, negative, the next anchor.
        name: Name of the model.

    Returns:
        A `MetricNet`, a `graph.GModule`, with the output ``distances`` ``(batch, num - 1)`` in the
        order of the inputs; a list of it and the features if `collect` names any.

    Raises:
        TypeError: `embedding` is no Keras model, or `distance` none of these.
        ValueError: `num` is below 2, a name of `distance` or `collect` is unknown, or the
            embedding has several outputs.
        GraphError: The embedding gives what the distance cannot take.

    Reference: Hoffer & Ailon 2015, "Deep metric learning using triplet network"; TripletNet.lua of
    https://github.com/eladhoffer/TripletNet.

    >>> import keras
    >>> embedding = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4)])
    >>> TripletNet(embedding, num=5).output_shape
    (None, 4)
    """
    if isinstance(num, bool) or not isinstance(num, int) or num < 2:
        raise ValueError(f"num must be a whole number of at least 2 inputs, got {num!r}")
    others = [f"other_{i}" for i in range(1, num)] if num != 3 else ["positive", "negative"]
    return metric_net(
        embedding,
        ["anchor", *others],
        distance=distance,
        collect=collect,
        single_pass=single_pass,
        name=name,
    )
