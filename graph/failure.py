"""Which node failed, when compiled code only says that something did."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from keras.src.models.functional import operation_fn

from .debug import draw_failure, is_debugging
from .errors import GraphError
from .node import Node
from .structure import Structure, all_modules

__all__ = ["located"]


class _At(Exception):
    def __init__(self, layer: Any, error: Exception) -> None:
        self.layer, self.error = layer, error


def located(model: Any, tensors: Sequence[Any], training: bool, error: Exception) -> Exception:
    """The error that names the node at which `model` fails on `tensors`.

    The layers run once more, one by one and not compiled.

    Args:
        model: A built gModule.
        tensors: Its inputs, flat.
        training: Whether it ran in training mode.
        error: What the compiled run raised.

    Returns:
        A `GraphError`, or `error` itself if the second run does not fail.
    """

    def guarded(layer: Any) -> Callable[..., Any]:
        run = operation_fn(layer, training=training)

        def call(*args: Any, **kwargs: Any) -> Any:
            try:
                return run(*args, **kwargs)
            except Exception as reason:
                raise _At(layer, reason) from reason

        return call

    try:
        model._run_through_graph(list(tensors), operation_fn=guarded)
    except _At as at:
        if isinstance(at.error, GraphError):
            return at.error
        node = _owner(model, at.layer)
        if node is not None:
            text = f"{node.describe()}, failed: {at.error}"
            if is_debugging():
                text += f"\n  drawn in {draw_failure(model.fg, node)}"
            return GraphError(text, node)
    except Exception:
        return error
    return error


def _owner(model: Structure, layer: Any) -> Node | None:
    for node in model.forwardnodes:
        if node.module is not None:
            for module in all_modules([node.module]):
                if any(held is layer for held in module.held_layers()):
                    return node
    return None
