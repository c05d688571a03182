"""`gModule`: a graph of nodes as a Keras model that also answers to Torch's names."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, Self

import keras
from keras.src.models.functional import Functional

from .check import checked_order
from .config import graph_from_config, graph_to_config, restore_ties, using_dtype_policy
from .debug import draw_failure, is_debugging
from .errors import GraphError
from .fitting import fitting
from .inputs import check_inputs, input_list, sample_shapes, table_shapes
from .lowering import Graph, Lowered, lower
from .nn.input import shape_from_config, shape_to_config
from .nn.sequence_function import without_xla
from .node import Node, apply, as_module
from .recursion import deep_recursion
from .running import Running
from .signature import stated_shape
from .structure import Structure, forward_graph
from .table import flatten, is_table, map_table

__all__ = ["GModule", "gModule"]


def gModule(inputs: Any, outputs: Any, name: str | None = None) -> GModule:
    """Turn a graph of nodes into a model.

    Args:
        inputs: The input node, or a list of them: nodes that read nothing.
        outputs: The output node, or a list of them.
        name: Name of the Keras model. Default: ``g_module``, numbered.

    Returns:
        A Keras Functional model. It is built at once if every input's shape is known, otherwise
        at the first `forward`, call, `fit` or `build`.

    Raises:
        GraphError: The graph breaks a rule (every broken rule is named), or a module cannot take
            what it is fed.

    >>> from graph import gModule, nn
    >>> x = nn.Linear(20, 10)()
    >>> y = x - nn.Tanh() - nn.Linear(10, 1)
    >>> gModule([x], [y]).output_shape
    (None, 1)

    Reference: torch/nngraph gmodule.lua.
    """
    return GModule.of_nodes(inputs, outputs, name)


@keras.saving.register_keras_serializable(package="nngraph")
class GModule(Running, Functional):
    """A Keras Functional model with the nngraph side: `forward`, `backward`, `parameters`, ...

    Made by `gModule`. Everything that a `keras.Model` does works once its shapes are known.

    Args:
        graph: The checked graph.
        shapes: For each input node the shape of one sample, nested for tables; None if unknown.
        name: Name of the Keras model.
    """

    # What Functional reads before the shapes are known.
    _operations: Any = ()
    _inputs: Any = ()
    _outputs: Any = ()
    _nodes_by_depth: Any = {}
    _graph: Graph
    _lowered: Any = None
    _compile_call: Any = None

    def __init__(self, graph: Graph, shapes: list[Any], name: str | None = None) -> None:
        if all(shape is not None for shape in shapes):
            self._become_functional(graph, shapes, name)
        else:
            keras.Model.__init__(self, name=name)
            self._graph = graph
        for node in graph.order:
            node.claimed = True

    @classmethod
    def of_nodes(cls, inputs: Any, outputs: Any, name: str | None = None) -> Self:
        """A model of this class; what `gModule` does, for classes made of this one."""
        order = checked_order(inputs, outputs)
        graph = Graph(flatten(inputs), flatten(outputs), order)
        members = set(order)
        return cls(graph, [stated_shape(node, members) for node in graph.inputs], name)

    def _become_functional(self, graph: Graph, shapes: list[Any], name: str | None) -> None:
        before = dict(self.__dict__)
        with deep_recursion(len(graph.order)):
            lowered = self._lower(graph, shapes, name)
            ins = [_source(x) for x in lowered.inputs]
            # Before Keras's own set-up, which builds the model and asks whether it can be.
            # A namespace, in which Keras neither tracks nor copies lists.
            held = SimpleNamespace(lowered=lowered, shapes=shapes, sources=ins)
            self.__dict__.update(_graph=graph, _lowered=held)
            try:
                Functional.__init__(
                    self,
                    inputs=ins[0] if len(ins) == 1 else ins,
                    outputs=lowered.outputs[0] if len(lowered.outputs) == 1 else lowered.outputs,
                    name=name,
                )
            except ValueError as error:
                lowered.undo()
                self.__dict__.clear()
                self.__dict__.update(before)
                raise GraphError(f"Keras cannot make a model of this graph: {error}") from error
        # Keras adds to its list what a model is made of anew; layers that were replaced stay there.
        list.__setitem__(self._layers, slice(None), self.layers)

    def _lower(self, graph: Graph, shapes: list[Any], name: str | None) -> Lowered:
        try:
            return lower(graph, shapes)
        except GraphError as error:
            if is_debugging() and isinstance(error.node, Node):
                self.__dict__.setdefault("_graph", graph)
                view = forward_graph(graph, name)
                raise GraphError(f"{error}\n  drawn in {draw_failure(view, error.node)}") from error
            raise

    def rebuild(self) -> None:
        """Make the model anew after modules were replaced; parameters stay with their modules.

        Raises:
            GraphError: A module cannot take what it is fed; then the model is as it was.
        """
        if not self.is_lowered:
            return
        graph = replace(self._graph, replay=())
        self._renew(graph, self._lowered.shapes)

    # -- shapes that come late --------------------------------------------------------------

    def build(self, input_shape: Any = None) -> None:
        """Build the model for inputs of this shape, if it is not built yet.

        Args:
            input_shape: The shape of the input, batch first, or a nested list of shapes.

        Raises:
            GraphError: The shapes do not fit the graph.
        """
        if self.is_lowered:
            super().build(input_shape)
        elif input_shape is None:
            raise GraphError(f"the input shapes of {self.name} are not known\n  fix: {_HOW}")
        else:
            shapes = _as_shapes(input_shape)
            count = len(self._graph.inputs)
            if count == 1 and not (isinstance(shapes, list) and len(shapes) == 1):
                shapes = [shapes]
            if not isinstance(shapes, list) or len(shapes) != count:
                raise GraphError(
                    f"{self.name} takes {count} inputs\n  expected a list of {count} shapes\n"
                    f"  got      {input_shape}"
                )
            self._renew(self._graph, sample_shapes(self._graph.inputs, shapes))

    def _renew(self, graph: Graph, shapes: list[Any]) -> None:
        compiled, trainable = self._compile_call, self.trainable
        self._become_functional(graph, shapes, self.name)
        self._backprop = None
        if not trainable:  # True would also reach layers that the user froze one by one.
            self.trainable = False
        if compiled is not None:
            self.compile(*compiled.args, **compiled.kwargs)

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """As `keras.Model.compile`; it may come before the shapes are known."""
        super().compile(*args, **kwargs)
        self._compile_call = _Call(args, kwargs)

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compile as the saved model was; Keras's own refuses where `compile` is not its own."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.is_lowered and self.optimizer is not None:
            self.optimizer.build(self.trainable_variables)

    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        """Without arguments as in Torch: let `forward` run in inference mode, return the model.

        With arguments as `keras.Model.evaluate`.
        """
        if args or kwargs:
            return self._evaluate(*args, **kwargs)
        self.train_mode = False
        return self

    _evaluate = fitting(Functional.evaluate)
    fit = fitting(Functional.fit)
    predict = fitting(Functional.predict)
    train_on_batch = fitting(Functional.train_on_batch)
    test_on_batch = fitting(Functional.test_on_batch)
    predict_on_batch = fitting(Functional.predict_on_batch)

    def ensure_built(self, x: Any) -> None:
        """Check `x` as inputs, and build the model for them if it is not built yet."""
        self.checked_inputs(x)

    # -- calling ----------------------------------------------------------------------------

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Apply the model to tensors, or, given nodes or nothing, make a node of it.

        Raises:
            GraphError: Inputs of the wrong number or shape; the input is named.
        """
        if not kwargs and (not args or any(isinstance(a, Node) for a in flatten(args[0]))):
            return apply(as_module(self), args[0] if args else None)
        if args:
            args = (self.checked_inputs(args[0]), *args[1:])
        with deep_recursion(len(self._graph.order)):
            return super().__call__(*args, **kwargs)

    def checked_inputs(self, x: Any) -> Any:
        nodes = self._graph.inputs
        if self.is_lowered:
            names = map_table(_layer_name, self._lowered.sources)
        else:
            names = [n.name or f"input {i}" for i, n in enumerate(nodes, 1)]
        given = input_list(self.name, nodes, names, x)
        if not self.is_lowered:
            shapes = [table_shapes(part) for part in given]
            self._renew(self._graph, sample_shapes(nodes, shapes))
        given = check_inputs(self.name, nodes, self._lowered.sources, given)
        return given[0] if len(given) == 1 else given

    @property
    def input_names(self) -> list[str]:
        """The names of the input layers, in order."""
        return [_layer_name(tensor) for tensor in self.inputs]

    def node_shapes(self) -> dict[Node, str]:
        """The output shape of every node as text; empty while the shapes are not known."""
        return {node: _sample_text(x) for node, x in self.node_tensors().items()}

    def node_tensors(self) -> dict[Node, Any]:
        """The Keras tensor, or nested list of them, that stands for the output of every node."""
        return dict(self._lowered.lowered.values) if self.is_lowered else {}

    # -- copies -----------------------------------------------------------------------------

    def clone(self, *shared: str) -> Self:
        """A copy with parameters of its own, equal to these.

        Args:
            *shared: Torch names of parameters that the copy shares instead of copying, e.g.
                ``clone("weight", "bias")``.
        """
        copy = type(self).from_config(self.get_config())
        if self.is_lowered:
            copy.set_weights(self.get_weights())
        else:
            copy.map(self, _copy_parameters)
        copy.train_mode = self.train_mode
        return copy.share(self, *shared) if shared else copy

    # -- saving -----------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """The graph: modules, nodes, annotations, origins and the shapes of the inputs."""
        shapes = shape_to_config(self._lowered.shapes) if self.is_lowered else None
        return {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": keras.saving.serialize_keras_object(self.dtype_policy),
            "graph": graph_to_config(self._graph),
            "shapes": shapes,
            "layer_names": self._lowered.lowered.layer_names if self.is_lowered else [],
            "frozen": [layer.name for layer in self.layers if not layer.trainable],
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Self:
        """The model that `get_config` described, with new weights."""
        with keras.saving.CustomObjectScope(custom_objects or {}):
            graph = graph_from_config(config["graph"])
        graph.replay = config["layer_names"]
        shapes: list[Any] = [None] * len(graph.inputs)
        if config["shapes"] is not None:
            shapes = shape_from_config(config["shapes"])
        with using_dtype_policy(keras.saving.deserialize_keras_object(config["dtype"])):
            model = cls(graph, shapes, config["name"])
        restore_ties(graph)
        for layer_name in config["frozen"]:
            model.get_layer(layer_name).trainable = False
        if not config["trainable"]:
            model.trainable = False
        return model

    def get_build_config(self) -> None:
        """None: the config says it all."""

    def export(self, *args: Any, **kwargs: Any) -> Any:
        """As `keras.Model.export`, without code that only XLA can run."""
        with without_xla():
            return super().export(*args, **kwargs)

    def to_keras(self) -> keras.Model:
        """A copy made of nothing but what Keras ships, which loads without this package.

        Raises:
            GraphError: The shapes are not known yet.
        """
        if not self.is_lowered:
            raise GraphError(f"the input shapes of {self.name} are not known\n  fix: {_HOW}")
        # A copy of our own first: its modules then hold the layers and values to be shown again.
        copy = GModule.from_config(self.get_config())
        copy.set_weights(self.get_weights())
        copy._graph.replay = ()
        with deep_recursion(len(copy._graph.order)):
            lowered = lower(copy._graph, copy._lowered.shapes, stock=True)
            ins, outs = [_source(x) for x in lowered.inputs], lowered.outputs
            plain = keras.Model(
                ins[0] if len(ins) == 1 else ins,
                outs[0] if len(outs) == 1 else outs,
                name=self.name,
            )
        return plain


_HOW = "state them with graph.Input(shape), or call build(shape), or feed the model once"


def _yield_to_pytorch(cls: type) -> None:
    """On Keras's PyTorch backend a layer is a `torch.nn.Module`, whose own names Keras calls."""
    for name in (*vars(Running), *vars(Structure)):
        if not name.startswith("_") and hasattr(Functional, name):
            setattr(cls, name, getattr(Functional, name))


if keras.backend.backend() == "torch":
    _yield_to_pytorch(GModule)


def _copy_parameters(to: Any, of: Any) -> None:
    for name, variable in of.named_parameters().items():
        to.named_parameters()[name].assign(variable)


class _Call:
    def __init__(self, args: Any, kwargs: Any) -> None:
        self.args, self.kwargs = args, kwargs


def _layer_name(tensor: Any) -> str:
    return tensor._keras_history.operation.name


def _source(x: Any) -> Any:
    # A tensor that comes from layers of the user's own brings the inputs of these along.
    if is_table(x) or isinstance(x._keras_history.operation, keras.layers.InputLayer):
        return x
    sources = keras.utils.get_source_inputs(x)
    return sources[0] if len(sources) == 1 else sources


def _as_shapes(shape: Any) -> Any:
    if is_table(shape) and any(is_table(part) for part in shape):
        return [_as_shapes(part) for part in shape]
    return tuple(shape)


def _sample_text(x: Any) -> str:
    if is_table(x):
        return "{" + ", ".join(map(_sample_text, x)) + "}"
    return " x ".join("?" if size is None else str(size) for size in x.shape[1:]) or "scalar"
