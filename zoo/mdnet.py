"""MDNet."""

from __future__ import annotations

import os
from typing import Any

import keras
from keras import ops

from graph import GModule, Input, Node, nn

from .building import chain, classifier, fill, image_input

__all__ = ["MDNet", "MultiDomainNet", "preprocess_input"]


def MDNet(
    domains: int = 1,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: keras.KerasTensor | None = None,
    input_shape: tuple[int, int, int] | None = None,
    classifier_activation: str | None = "softmax",
    name: str = "mdnet",
) -> MultiDomainNet:
    """The multi-domain network for visual tracking: shared layers, and a branch for each video.

    The first three convolutions of VGG-M: 96 maps of 7x7 at step 2, 256 of 5x5 at step 2 and 512
    of 3x3, with local response normalisation and pooling 3 at step 2 after the first two; two
    linear layers of 512 with dropout; for each domain a linear layer of 2, background and target.
    On 107x107 the sides are 51, 25, 11, 5 and 3, and there are 4,431,488 + 1,026 * `domains`
    parameters.

    Layers: ``conv1 relu1 norm1 pool1 conv2 relu2 norm2 pool2 conv3 relu3 flatten fc4 relu4
    dropout4 fc5 relu5 dropout5``, and for domain k, counted from 1, ``fc6_k predictions_k``
    (no ``predictions_k`` if `classifier_activation` is None).

    Args:
        domains: How many branches K. Default: 1.
        weights: None for random ones, or a file that `zoo.load_weights` reads.
        input_tensor: Keras tensor to read instead of a new input.
        input_shape: ``(height, width, channels)``, sides of at least 75. Default:
            ``(107, 107, 3)``.
        classifier_activation: Name of a Keras activation, or None for logits.
        name: Name of the model.

    Returns:
        A `MultiDomainNet`, a `graph.GModule`, from images ``(batch, 107, 107, 3)``, centred as
        `preprocess_input` does, to a list of K ``(batch, 2)``; to one ``(batch, 2)`` if K is 1.

    Raises:
        ValueError: An argument is not one of these, or the weights are not of this network.
        FileNotFoundError: `weights` names no file.

    Reference: Nam & Han 2016, "Learning multi-domain convolutional neural networks for visual
    tracking". VGG-M: Chatfield et al. 2014, "Return of the devil in the details".
    """
    if isinstance(domains, bool) or not isinstance(domains, int) or domains < 1:
        raise ValueError(f"domains must be a positive whole number, got {domains!r}")
    x, shape = image_input("MDNet", input_tensor, input_shape, default=(107, 107, 3), smallest=75)
    height, width = (_last_side(side) for side in shape[:2])
    features = 512 * height * width
    y = chain(
        x,
        conv1=nn.SpatialConvolution(shape[2], 96, 7, 7, 2, 2),
        relu1=nn.ReLU(),
        norm1=nn.SpatialCrossMapLRN(5, 0.0005, 0.75, 2),
        pool1=nn.SpatialMaxPooling(3, 3, 2, 2),
        conv2=nn.SpatialConvolution(96, 256, 5, 5, 2, 2),
        relu2=nn.ReLU(),
        norm2=nn.SpatialCrossMapLRN(5, 0.0005, 0.75, 2),
        pool2=nn.SpatialMaxPooling(3, 3, 2, 2),
        conv3=nn.SpatialConvolution(256, 512, 3, 3),
        relu3=nn.ReLU(),
        flatten=nn.View(features),
        fc4=nn.Linear(features, 512),
        relu4=nn.ReLU(),
        dropout4=nn.Dropout(0.5),
        fc5=nn.Linear(512, 512),
        relu5=nn.ReLU(),
        dropout5=nn.Dropout(0.5),
    )
    branches = [_branch(y, k, classifier_activation) for k in range(1, domains + 1)]
    model = MultiDomainNet.of_nodes([x], branches, name)
    fill(model, weights)
    return model


def _branch(shared: Node, k: int, activation: str | None) -> Node:
    scores = chain(shared, **{f"fc6_{k}": nn.Linear(512, 2)})
    top = classifier(scores, activation)
    if top is not scores:
        top.annotate(name=f"predictions_{k}")
    return top.annotate(domain={"number": k, "activation": activation})


def _last_side(side: int) -> int:
    for kernel, step in ((7, 2), (3, 2), (5, 2), (3, 2), (3, 1)):
        side = (side - kernel) // step + 1
    return side


@keras.saving.register_keras_serializable(package="nngraph")
class MultiDomainNet(GModule):
    """A gModule with one output for each domain, which can be taken one by one.

    Made by `zoo.MDNet`.
    """

    @property
    def domains(self) -> list[int]:
        """The numbers of the branches, from 1, in the order of the outputs."""
        return [node.annotations["domain"]["number"] for node in self.outputnodes]

    def domain(self, k: int) -> MultiDomainNet:
        """The network of one branch; all its layers are this network's own.

        Args:
            k: Number of the domain, as `domains` lists it.

        Returns:
            A `MultiDomainNet` from images to ``(batch, 2)``. Training it changes the shared
            layers and this branch, and leaves the other branches alone.

        Raises:
            ValueError: There is no such branch.
        """
        if isinstance(k, bool) or k not in self.domains:
            raise ValueError(f"{self.name} has no domain {k!r}: it has {self.domains}")
        output = self.outputnodes[self.domains.index(k)]
        return MultiDomainNet.of_nodes(self.inputnodes, [output], f"{self.name}_domain_{k}")

    def with_new_branch(self) -> MultiDomainNet:
        """A network of one branch more, with new random weights; the rest is this network's own.

        For online tracking: ``net.clone().with_new_branch()`` leaves `net` as it was trained, and
        its last domain is the network of the new sequence.

        Returns:
            A `MultiDomainNet`; the new branch has the next number, and is the last output.
        """
        last = self.outputnodes[-1]
        activation = last.annotations["domain"]["activation"]
        scores = last if activation is None else last.parents[0]
        new = _branch(scores.parents[0], max(self.domains) + 1, activation)
        return MultiDomainNet.of_nodes(self.inputnodes, [*self.outputnodes, new], self.name)

    def by_domain(self) -> GModule:
        """The network that is told each image's domain: one model to train all branches with.

        One optimizer then has all variables, as in the paper, a batch may hold images of one
        domain or of several, and the branches of other domains get a gradient of zero.

        Returns:
            A `graph.GModule` from ``[image, domain]``, where ``domain`` is ``(batch,)`` of
            integers that `domains` lists, to that branch's scores ``(batch, 2)``. A number that
            is no domain's gives NaN.
        """
        which = Input((), name="domain", dtype="int32")
        chosen = OfDomain(*self.domains)([which, *self.outputnodes]).annotate(name="scores")
        inputs = [*self.inputnodes, which]
        return GModule.of_nodes(inputs, [chosen], f"{self.name}_by_domain")


class OfDomain(nn.Module):
    """Row by row one of several tables of scores, chosen by number.

    Args:
        *numbers: The number of each table.

    Shapes:
        ``[(batch,), (batch, n), ...]`` -> ``(batch, n)``.
    """

    keras_name = "(ops.where)"

    def __init__(self, *numbers: int) -> None:
        self.numbers = numbers

    def compute(self, x: Any, training: bool = False, **parameters: Any) -> Any:
        """The chosen rows."""
        which, *scores = x
        chosen = ops.full_like(scores[0], float("nan"))
        for number, own in zip(self.numbers, scores, strict=True):
            chosen = ops.where(ops.expand_dims(which, -1) == number, own, chosen)
        return chosen

    def get_config(self) -> dict[str, Any]:
        """The numbers."""
        return {"numbers": list(self.numbers)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> OfDomain:
        """The module of these numbers."""
        return cls(*config["numbers"])


def preprocess_input(x: Any) -> Any:
    """Subtract 128 from pixels of 0 to 255, as MDNet's own programs do.

    Args:
        x: Array or tensor of RGB pixels ``(batch, height, width, 3)``.
    """
    return x - 128.0
