"""SiameseNet."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from .distances import Distance
from .metric_net import MetricNet, metric_net

__all__ = ["SiameseNet"]


def SiameseNet(
    embedding: keras.Model,
    distance: Distance | None = "l1",
    collect: Sequence[str] = (),
    single_pass: bool = False,
    name: str = "siamese_net",
) -> MetricNet:
    """One embedding at two inputs, ``left`` and ``right``, and how far they are apart.

    ``y = distance(embedding(left), embedding(right))``, one set of variables.

    `fit` takes pairs with labels, arrays ``[left, right], y`` or a dataset of
    ``((left, right), y)``, or without, ``[left, right]``, ``(left, right)`` or dicts by input
    name, where the loss needs none.

    Args:
        embedding: Any Keras model of one output ``(batch, d)``; ``net.embedding`` is it, after
            loading too. One of several inputs takes pairs of these: ``((l1, l2), (r1, r2))``.
        distance: As of `TripletNet`: a name, a module, a layer or a function. Koch et al. learn
            it: ``nn.Sequential(nn.CSubTable(), nn.Abs(), nn.Linear(d, 1), nn.Sigmoid())`` gives
            the probability that both are of one class. None: the two embeddings
            ``(batch, 2, d)``. Default: ``"l1"``.
        collect: Inner layers whose features are outputs too, each ``(batch, 2, ...)``.
        single_pass: Whether to run the embedding once, on both inputs in one batch; as of
            `TripletNet`.
        name: Name of the model.

    Returns:
        A `MetricNet`, a `graph.GModule`, with the output ``distances`` ``(batch, 1)``; a list of
        it and the features if `collect` names any.

    Raises:
        TypeError: `embedding` is no Keras model, or `distance` none of these.
        ValueError: A name of `distance` or `collect` is unknown, or the embedding has several
            outputs.
        GraphError: The embedding gives what the distance cannot take.

    Reference: Bromley et al. 1993, "Signature verification using a siamese time delay neural
    network"; Koch et al. 2015, "Siamese neural networks for one-shot image recognition".

    >>> import keras
    >>> embedding = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4)])
    >>> SiameseNet(embedding).output_shape
    (None, 1)
    """
    return metric_net(
        embedding,
        ["left", "right"],
        distance=distance,
        collect=collect,
        single_pass=single_pass,
        name=name,
    )
