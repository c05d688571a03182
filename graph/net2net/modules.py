"""A GModule made anew: its Torch modules get the sizes that their Keras layers get."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import keras

from ..errors import GraphError
from ..gmodule import GModule
from ..nn.input import Input, shape_to_config
from ..nn.keras_layer import KerasLayer
from ..nn.rectifier import PReLU
from ..nn.reshape import Reshape, View
from ..table import map_table
from .inserting import Inserts, insert, own_modules
from .plan import Plan

__all__ = ["Inserts", "rebuilt_gmodule"]

L: Any = keras.layers
_TAKEN = ("inputSize", "nInputPlane", "inputFrameSize")
_GIVEN = ("outputSize", "nOutputPlane", "outputFrameSize", "nOutput")


def rebuilt_gmodule(
    model: GModule, plan: Plan, layer: Callable[[Any], Any], inserts: Inserts
) -> GModule:
    """A GModule like `model`, its weights new.

    Args:
        model: The model.
        plan: The new sizes.
        layer: What makes the Keras layers anew that stand in the graph as they are.
        inserts: id of a tensor of `model` -> the layers to put in after it.

    Raises:
        GraphError: A module cannot be given the sizes, or the graph cannot be written down.
    """
    copy = copied(model)
    for old, new in zip(list(own_modules(model)), list(own_modules(copy)), strict=True):
        if isinstance(old, KerasLayer):
            new.layer = layer(old.layer)
        elif isinstance(old, Input) and old.tensor is None:
            new.shape = map_table(partial(_sample, plan), _inputs_of(model, old))
        else:
            _resize(model.name, old, new, plan)
    new = insert(model, copy, inserts)
    config = copy.get_config()
    shapes = [map_table(partial(_sample, plan), x) for x in model._lowered.lowered.inputs]
    config["shapes"] = shape_to_config(shapes)
    if new:
        config["layer_names"] = []
        names = type(model).from_config(config)._lowered.lowered.layer_names
        # The layers that there were keep their names.
        before = iter(copy._lowered.lowered.layer_names)
        config["layer_names"] = [name if name in new else next(before) for name in names]
    result = type(model).from_config(config)
    result.train_mode = model.train_mode
    return result


def _sample(plan: Plan, tensor: Any) -> tuple[int | None, ...]:
    """The new shape of a sample of an input."""
    settings = plan.settings(tensor._keras_history.operation)
    return tuple(settings.get("batch_shape", tensor.shape)[1:])


def _inputs_of(model: GModule, module: Input) -> Any:
    """The tensors of the input node that holds a module."""
    node = next(node for node in model.inputnodes if node.module is module)
    return model._lowered.lowered.values[node]


def copied(model: GModule) -> Any:
    """The same graph, with modules of its own.

    Raises:
        GraphError: It holds something that no config can hold.
    """
    try:
        return type(model).from_config(model.get_config())
    except (TypeError, ValueError, NotImplementedError) as error:
        raise GraphError(
            f"{model.name} cannot be made anew from its config: {error}\n"
            f"  fix: register the classes of its layers with keras.saving"
        ) from error


def _resize(model: str, old: Any, new: Any, plan: Plan) -> None:
    changed = [x for x in old.held_layers() if any(plan.changes(v) for v in x.weights)]
    if isinstance(old, (View, Reshape)):
        _reshape(model, old, new, plan)
    elif len(changed) > 1:
        raise _refusal(model, old, f"makes {len(changed)} layers with weights")
    elif changed and isinstance(old, PReLU):
        new.nOutputPlane = plan.shape(changed[0].weights[0])[0]
    elif changed:
        taken, given = _widths(changed[0], lambda v: tuple(v.shape))
        new_taken, new_given = _widths(changed[0], plan.shape)
        _set(model, old, new, _TAKEN, taken, new_taken)
        _set(model, old, new, _GIVEN, given, new_given)


def _set(model: str, old: Any, new: Any, names: Any, before: Any, after: Any) -> None:
    if before == after:
        return
    for name in names:
        if getattr(old, name, None) == before:
            setattr(new, name, after)
            return
    raise _refusal(model, old, f"does not say that it is {before} wide")


def _refusal(model: str, module: Any, why: str) -> GraphError:
    return GraphError(f"{module!r} of {model} cannot be given another width: it {why}")


def _widths(layer: Any, shape: Callable[[Any], tuple[int, ...]]) -> tuple[Any, Any]:
    """How many channels a layer takes and gives, None where its module does not say that."""
    if isinstance(layer, L.Embedding):
        return None, shape(layer.embeddings)[1]
    if isinstance(layer, L.BatchNormalization):
        return None, shape(layer.moving_mean)[0]
    if isinstance(layer, L.RNN):
        return shape(layer.cell.kernel)[0], shape(layer.cell.recurrent_kernel)[0]
    kernel = shape(layer.kernel)
    if isinstance(layer, (L.DepthwiseConv1D, L.DepthwiseConv2D)):
        return kernel[-2], None
    if isinstance(layer, (L.Conv1DTranspose, L.Conv2DTranspose, L.Conv3DTranspose)):
        return kernel[-1], kernel[-2]
    return kernel[-2] * getattr(layer, "groups", 1), kernel[-1]


def _reshape(model: str, old: Any, new: Any, plan: Plan) -> None:
    targets = set()
    for layer in old.held_layers():
        target = plan.settings(layer).get("target_shape")
        if target is not None and target != tuple(layer.target_shape):
            targets.add(target)
    if len(targets) > 1:
        raise _refusal(model, old, "is called on tensors of different shapes")
    for target in targets:
        leads = old.sizes[0] == -1 and len(old.sizes) == len(target) + 1
        new.sizes = (-1, *target) if leads else target
