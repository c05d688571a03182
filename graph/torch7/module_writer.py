"""Modules to Torch objects: one object a module, one tensor a parameter."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from .. import nn
from ..gmodule import GModule
from ..nn.channel_order import ChannelsFirst, ChannelsLast
from ..nn.container import Container
from ..nn.identity import Identity
from ..nn.input import Input
from ..nn.keras_layer import KerasLayer
from ..nn.module import Module
from ..nn.over_time import Loop
from ..nn.passing import JustElement, JustTable
from ..nn.torch_fields import TorchFields, UnsupportedTorch
from ..parameters import gradient, has_gradient
from .blank import Blank
from .class_fields import fields_of
from .convert import Conversion
from .graph_writer import from_gmodule
from .inner_modules import COMPOSITES
from .over_time_fields import OVER_TIME
from .recurrent_steps import CELLS, sequencer
from .types import TorchObject

__all__ = ["ModuleWriter"]

_GRADIENT = {"g": "gradG", "v": "gradV", "diagCov": "gradDiagCov"}
# Arguments that Torch keeps in another form, so that they come back equal in meaning only.
_REWRITTEN = frozenset({"batchfirst", "fed", "modules", "randomSamples"})
# Class -> arguments without a meaning once the module is made, or found out for Torch.
_NOT_COMPARED = {
    "Add": {"inputSize"},  # The bias has that size, or 1.
    "LayerNormalization": {"bias"},
    "Reshape": {"batchMode"},
    "SpatialLPPooling": {"nInputPlane"},
    "Transpose": {"permutations"},
    "View": {"numInputDims"},
}


class ModuleWriter:
    """One model under way: every module and parameter is written once.

    Args:
        blank: Makes the objects.
        batched: Whether Torch will feed the model batches, which its dimensions then count.
        time_major: Whether Torch will feed it tensors (time, batch, ...).
        outermost: The gModule that stands in no other, if the model is one.

    Attributes:
        problems: What cannot be written, each with its path.
    """

    def __init__(
        self, blank: Blank, batched: bool, time_major: bool, outermost: GModule | None
    ) -> None:
        self.blank = blank
        self.batched = batched
        self.time_major = time_major
        self.outermost = outermost
        self.problems: list[str] = []
        self._objects: dict[tuple[int, bool], TorchObject] = {}
        self._modules: dict[int, Module] = {}
        self._kept: list[Module] = []
        self._arrays: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def convert(self, module: Module, path: str, *, in_step: bool = False) -> TorchObject:
        """The object of a module.

        Args:
            module: The module.
            path: Where it stands, for messages.
            in_step: Whether a sequencer around it feeds it one step at a time.
        """
        known = self._objects.get((id(module), in_step))
        if known is not None:
            return known
        obj = TorchObject(_class_name(module), {})
        self._kept.append(module)
        self._modules[id(obj)] = module
        stepwise = module.torch_name in CELLS or isinstance(module, Loop)
        if stepwise and not in_step:
            # By itself such a module takes a whole sequence here, and one step in Torch.
            whole = self._objects[id(module), in_step] = TorchObject("nn.Sequencer", {})
            self._fill(module, obj, path, True)
            return sequencer(self.blank, obj, whole)
        self._objects[id(module), in_step] = obj
        self._fill(module, obj, path, in_step)
        return obj

    def again(self, module: Module, path: str, *, in_step: bool = False) -> TorchObject:
        """Another object of a module, with the same parameters."""
        before, self._objects = self._objects, {}
        try:
            return self.convert(module, path, in_step=in_step)
        finally:
            self._objects = before

    def note(self, path: str, module: Module, problem: str) -> None:
        """Record what cannot be written."""
        self.problems.append(f"{path}: {_brief(module)} {problem}")

    def _fill(self, module: Module, obj: TorchObject, path: str, in_step: bool) -> None:
        self.blank.fill(obj, {})
        problem = self._unwritable(module)
        if problem is not None:
            self.note(path, module, problem)
        elif isinstance(module, KerasLayer):
            inner = lambda m, p: self.convert(m, f"{path}.{p}", in_step=in_step)  # noqa: E731
            outermost = module.layer is self.outermost
            obj.fields |= from_gmodule(module.layer, inner, outermost=outermost)
        elif not isinstance(module, Identity):
            before = len(self.problems)
            try:
                self.blank.fill(obj, self._own_fields(module, path, in_step))
            except UnsupportedTorch as error:
                self.note(path, module, f"cannot be written: it {error}")
            if len(self.problems) == before:
                self._read_again(module, obj, path, in_step)

    def _unwritable(self, module: Module) -> str | None:
        """Why Torch cannot have the module, as far as its class alone tells."""
        if isinstance(module, KerasLayer):
            model = module.layer
            if not isinstance(model, GModule):
                return "has no Torch twin"
            turns = model is not self.outermost and _turns(model)
            return "turns images inside the model, where Torch has one layout" if turns else None
        if isinstance(module, Identity):
            own = getattr(module, "tensor", None) is not None
            return "stands on Keras layers of the user's own" if own else None
        known = getattr(nn, type(module).__name__, None) is type(module)
        return None if known else "has no Torch twin"

    def _own_fields(self, module: Module, path: str, in_step: bool) -> dict[str, Any]:
        name, blank = module.torch_name, self.blank
        over_time = self.time_major and not in_step
        if name in OVER_TIME:
            return OVER_TIME[name](module, self, path)
        if name in CELLS:
            return CELLS[name](module, blank, self._parameters(module, path))

        def child(inner: Module, number: int) -> TorchObject:
            return self.convert(inner, f"{path}.{number}", in_step=in_step)

        if name in COMPOSITES:
            own = {} if isinstance(module, Container) and name != "WeightNorm" else None
            weights = self._parameters(module, path) if own is None else own
            return COMPOSITES[name](module, blank, weights, child)
        fields = fields_of(module, blank, self.batched, over_time)
        if isinstance(module, Container):
            children = [child(m, i) for i, m in enumerate(module.modules, 1)]
            return {**fields, "modules": children}
        for parameter, (value, slope) in self._parameters(module, path).items():
            grad = _GRADIENT.get(parameter, "grad" + parameter[:1].upper() + parameter[1:])
            fields |= {parameter: value, grad: slope}
        return fields | self._statistics(module)

    def _parameters(self, module: Module, path: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        found = {}
        for name, variable in module.named_parameters().items():
            array = keras.ops.convert_to_numpy(variable)
            value = self._in_torch(module, name, array)
            known = self._arrays.get(id(variable))
            if known is None:
                slope = np.zeros_like(value)
                if has_gradient(variable):
                    slope = self._in_torch(module, name, gradient(variable))
                known = self._arrays[id(variable)] = value, slope
            if not np.array_equal(known[0], value, equal_nan=True):
                self.note(path, module, f"shares '{name}' with a module that lays it out otherwise")
            found[name] = known
        return found

    def _in_torch(self, module: Module, name: str, array: np.ndarray) -> np.ndarray:
        return np.array(module.parameter_to_torch(name, array), self.blank.dtype, order="C")

    def _statistics(self, module: Module) -> dict[str, np.ndarray]:
        statistics = getattr(module, "statistics_layer", None)
        if statistics is None:
            return {}
        layer = statistics()
        return {
            "running_mean": keras.ops.convert_to_numpy(layer.moving_mean),
            "running_var": keras.ops.convert_to_numpy(layer.moving_variance),
        }

    def _read_again(self, module: Module, obj: TorchObject, path: str, in_step: bool) -> None:
        """Refuse what would come back as another module than it was."""
        timed = self.time_major and not in_step
        conversion = Conversion(self.batched, timed)
        skipped = _REWRITTEN - {"fed"} | _NOT_COMPARED.get(module.torch_name, set())

        def known(child: Any) -> Module:
            return self._modules.get(id(child)) or conversion.convert(child)

        try:
            fields = TorchFields(obj.class_name, obj.fields, known, self.batched, timed)
            back = type(module).from_torch(fields)
        except Exception as error:
            reason = str(error).replace("load it as", "save it as")
            self.note(path, module, f"cannot be written: {reason}")
            return
        ours, its = (
            {k: v for k, v in m.get_config().items() if k not in skipped} for m in (module, back)
        )
        if type(back) is not type(module) or not _equal(ours, its):
            self.note(path, module, f"cannot be written: it would be read as {_brief(back)}")


def _class_name(module: Module) -> str:
    if isinstance(module, Input):
        return "nn.Identity"
    if isinstance(module, KerasLayer):
        return "nn.gModule"
    library = "nngraph" if isinstance(module, JustElement | JustTable) else "nn"
    return f"{library}.{module.torch_name}"


def _turns(model: GModule) -> bool:
    """Whether a model of `load_torch7` takes or gives images planes first, or may."""
    border = [m for m in model.node_modules() if isinstance(m, ChannelsFirst | ChannelsLast)]
    return any(not model.is_lowered or m.held_layers() for m in border)


def _brief(module: Module) -> str:
    text = repr(module)
    return text if len(text) <= 200 else f"{text[:200]}..."


def _equal(ours: dict[str, Any], its: dict[str, Any]) -> bool:
    keys = {k for k in (*ours, *its) if k != "fed" and not isinstance(ours.get(k), Module)}
    fed = {c.get("fed") for c in (ours, its)} - {None}
    return len(fed) < 2 and all(_same(k, ours.get(k), its.get(k)) for k in keys)


def _same(key: str, a: Any, b: Any) -> bool:
    if key == "kernel":  # Torch keeps it divided by its sum.
        a, b = (np.ones((9, 9)) if value is None else np.asarray(value) for value in (a, b))
        return a.shape == b.shape and np.allclose(a / a.sum(), b / b.sum(), rtol=1e-5)
    if isinstance(a, float) and isinstance(b, float):
        return bool(np.isclose(a, b, rtol=1e-12, equal_nan=True))
    return np.array_equal(np.asarray(a), np.asarray(b))
