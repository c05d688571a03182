"""`nn.Convert`."""

from __future__ import annotations

from typing import Any

from ..errors import GraphError, ShapeMismatch
from ..layout import torch_shape
from ..origin import caller_origin
from .dimension import SAMPLES, checked_fed, fed_of, one_tensor, single_samples
from .identity import Identity
from .module import Module
from .reshape import View
from .scope import Scope
from .select import Select
from .squeeze import Unsqueeze
from .torch_fields import TorchFields, UnsupportedTorch
from .transpose import Transpose

__all__ = ["Convert"]


class Convert(Module):
    """Another order or number of dimensions, each named by a letter: ``nn.Convert("bchw", "bf")``.

    Letters: b batch, f features, t time or class, c planes, h height, w width, d depth. The same
    letters in another order swap dimensions; to ``bf`` flattens; ``bt`` to ``b`` takes the first.

    Args:
        inputShape: A letter for each dimension of a batch in Torch's order; ``b`` is put first if
            it is not there. Default: ``b*``, any.
        outputShape: The same for the result. Default: `inputShape`.
        fed: None, or how a model that comes from a Torch file was fed, as of `View`.

    Shapes:
        As the letters say; images are laid out as everywhere here, so that "bchw" stands for
        ``(batch, height, width, planes)``.

    Raises:
        GraphError: Torch has no such conversion, or the batch is not first; at lowering, the
            input has another number of dimensions.

    Reference: torch/nn Convert.lua.
    """

    keras_name = "Permute, Reshape"

    def __init__(
        self,
        inputShape: str | None = None,
        outputShape: str | None = None,
        *,
        fed: str | None = None,
    ) -> None:
        if outputShape is not None and inputShape is None:
            raise self._refusal("outputShape needs an inputShape")
        given = "b*" if inputShape is None else _with_batch(inputShape)
        self.inputShape = given
        self.outputShape = given if outputShape is None else _with_batch(outputShape)
        self.fed = checked_fed(fed, "Convert")
        self._chains: dict[Any, list[Module]] = {}
        if (given == "b*") != (self.outputShape == "b*"):
            raise self._refusal("both shapes must be b*, or neither")
        if fed != SAMPLES and (given[0] != "b" or self.outputShape[0] != "b"):
            raise self._refusal("the batch must be the first dimension")
        self._steps(batch=1, lead=0)

    def _refusal(self, problem: str) -> GraphError:
        return GraphError(f"nn.Convert: {problem} ({caller_origin()})")

    @classmethod
    def from_torch(cls, fields: TorchFields) -> Convert:
        shapes = fields["inputShape"], fields["outputShape"]
        if fields.batched and any(_with_batch(shape)[0] != "b" for shape in shapes):
            raise UnsupportedTorch(
                f"{fields.class_name} works along dimension 1, which is the batch when it is fed "
                f"batches, but not in {shapes}; load it as fed single samples (batched=False)"
            )
        return cls(*shapes, fed=fed_of(fields))

    def _steps(self, batch: int, lead: int) -> list[Module]:
        """The modules that convert.

        Args:
            batch: Size of the dimension b.
            lead: 1 if the dimension b is Keras's own batch, 0 if it is one of a sample.
        """
        given, wanted = self.inputShape, self.outputShape
        if given == wanted:
            return []
        if len(given) == len(wanted) and set(given) <= set(wanted):
            return [Transpose(*((a - lead, b - lead) for a, b in _swaps(given, wanted)))]
        if given == "b" and wanted in ("bf", "bt"):
            return [Unsqueeze(2 - lead)]
        if wanted == "bf" and given != "bt":
            place = given.index("b") + 1
            first = [] if place == 1 else [Transpose((1, place))]
            return [*first, View(-1) if lead else View(batch, -1)] if len(given) > 2 else first
        if wanted == "b" and given in ("bt", "tb", "bf", "fb"):
            return [Select((2 if given[0] == "b" else 1) - lead, 1)]
        raise self._refusal(f"cannot convert '{given}' to '{wanted}'")

    def _chain(self, x: Any) -> list[Module]:
        """The modules that convert `x`.

        Raises:
            ShapeMismatch: It has another number of dimensions, or several features for one.
        """
        one_tensor(x)
        given, wanted = self.inputShape, self.outputShape
        if given == "b*":
            return []
        shape = torch_shape(x.shape)
        if self.fed == SAMPLES:
            shape = shape[1:]
        inserts = self.fed == SAMPLES and len(shape) == len(given) - 1
        if len(shape) != len(given) and not inserts:
            raise ShapeMismatch(
                f"takes {len(given)} dimensions, '{given}', and is fed {len(shape)}",
                expected=f"a tensor of {len(given)} dimensions, batch included",
                fix=None if self.fed is None else single_samples(),
            )
        place = given.index("b")
        letters = given.replace("b", "") if inserts else given
        if wanted == "b" and "f" in given and shape[letters.index("f")] != 1:
            raise ShapeMismatch(f"converts '{given}' to 'b' and takes one feature")
        if inserts:
            steps = self._steps(batch=1, lead=0)
            return [Unsqueeze(place + 1), *steps, Select(wanted.index("b") + 1, 1)]
        if self.fed == SAMPLES:
            return self._steps(batch=shape[place] or -1, lead=0)
        return self._steps(batch=-1, lead=1)

    def check(self, x: Any) -> None:
        self._chain(x)

    def lower(self, x: Any, scope: Scope) -> Any:
        self.check(x)
        key = tuple(x.shape[1:])
        if key not in self._chains:
            self._chains[key] = self._chain(x) or [Identity()]
        for step in self._chains[key]:
            x = step.lower(x, scope)
        return x


def _with_batch(shape: str) -> str:
    return shape if "b" in shape else f"b{shape}"


def _swaps(given: str, wanted: str) -> list[tuple[int, int]]:
    """Swaps of places, from 1, that bring the letters into the wanted order."""
    letters = list(given)
    swaps = []
    for i, letter in enumerate(wanted):
        j = letters.index(letter)
        if i != j:
            letters[i], letters[j] = letters[j], letters[i]
            swaps.append((i + 1, j + 1))
    return swaps
