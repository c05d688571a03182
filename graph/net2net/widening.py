"""More channels, same function: `wider` and `double_width`."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from ..calls import recorded_graph, require_graph, select, walk
from ..errors import GraphError
from .carry import carry
from .plan import Plan
from .rebuild import rebuilt
from .spaces import Leaf, Space, freeze, leaves, normal
from .trace import Trace

__all__ = ["double_width", "one_layer", "refusals", "wider"]


def wider(
    model: Any,
    layer: str | keras.layers.Layer,
    width: int,
    *,
    noise: float = 0.0,
    seed: int | None = None,
) -> Any:
    """A model that computes the same, with more units or channels in one layer.

    Every new channel is a copy of an old one. What sums over the channels - the next Dense
    layer or convolution - shares its weights out among the copies:
    ``w'[j] = w[g(j)] / n(g(j))``, where `g(j)` is the channel that `j` copies and `n` counts the
    copies. What stands between passes copies on; what must be as wide (the other branches of a
    sum, the other calls of a shared layer) is widened with it.

    Args:
        model: A `graph.GModule`, `keras.Sequential` or other Functional model, built. It is not
            changed.
        layer: The layer, or its name; inside a nested model ``"trunk/conv1"``. One with units or
            filters: Dense, a convolution, an LSTM, GRU or SimpleRNN, an Embedding.
        width: How many units or channels it shall give, more than now.
        noise: Standard deviation of the noise that tells copies apart, in parts of the standard
            deviation of the weights that it is added to. Default: 0, then the function is kept
            exactly (but for rounding), and copies stay alike in training unless there is
            dropout between them and what reads them.
        seed: Seed of the choice of channels and of the noise. Default: None, another each time.

    Returns:
        A GModule for a GModule, a Sequential for a Sequential, else a `keras.Model`; compiled as
        `model` is, with the state of its optimizer.

    Raises:
        ValueError: There is no such layer (the nearest names are told), or the model is not built.
        GraphError: `width` or `noise` is no such number; the layer has no width, or its width
            cannot change: the message names what stands against it.

    Reference: Chen, Goodfellow & Shlens 2016, "Net2Net: Accelerating Learning via Knowledge
    Transfer", arXiv:1511.05641, section 2.2.

    >>> from graph import gModule, net2net, nn
    >>> x = nn.Linear(4, 8)().annotate(name="hidden")
    >>> net = gModule([x], [x - nn.ReLU() - nn.Linear(8, 2)])
    >>> net2net.wider(net, "hidden", 12).get_layer("hidden").units
    12
    """
    graph = require_graph(model)
    target = one_layer(model, layer)
    trace = Trace(graph)
    space = _space(trace, model, target)
    leaf = _one_leaf(trace, model, target, space)
    each = sum(times for _, times in normal(space))
    now = leaf.size * each
    _check(target, width, now, each, noise)
    random = np.random.default_rng(seed)
    plan = Plan(trace, {leaf: _copies(leaf.size, width // each, random)}, noise, random)
    for _, why in plan.broken():
        raise GraphError(
            f"'{target.name}' cannot be widened to {width}: {why}, so that all must have equally "
            f"many copies\n  fix: a multiple of {now}, or graph.net2net.double_width"
        )
    return carry(model, rebuilt(model, plan), plan)


def double_width(model: Any, *, noise: float = 0.0, seed: int | None = None) -> Any:
    """A model that computes the same, with twice as many channels wherever that can be.

    What cannot be widened - inputs, outputs, what `refusals` tells - keeps its width.

    Args:
        model: As of `wider`.
        noise: As of `wider`.
        seed: As of `wider`.

    Returns:
        As `wider`.

    Raises:
        ValueError: The model is not built.
        GraphError: Nothing in it can be widened; the message says why of each layer.

    >>> import keras
    >>> layers = [keras.Input((4,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(2)]
    >>> [layer.units for layer in double_width(keras.Sequential(layers)).layers]
    [16, 2]
    """
    trace = Trace(require_graph(model))
    _check_noise(noise)
    random = np.random.default_rng(seed)
    while True:
        wide = [leaf for s in trace.widths.values() for leaf in leaves(s) if not leaf.fixed]
        maps = {leaf: _copies(leaf.size, 2 * leaf.size, random) for leaf in dict.fromkeys(wide)}
        plan = Plan(trace, maps, noise, random)
        broken = plan.broken()
        for space, why in broken:
            freeze(space, f"{why}, with others that cannot be widened")
        if not broken:
            break
    if not maps:
        told = "\n".join(f"  {why}" for why in _told(trace, model).values() if why)
        raise GraphError(f"nothing in {model.name} can be widened\n{told}")
    return carry(model, rebuilt(model, plan), plan)


def refusals(model: Any) -> dict[str, str | None]:
    """Which layers `wider` can widen, and why not the others.

    Args:
        model: As of `wider`.

    Returns:
        Path of each layer that has a width -> None, or what `wider` would say.

    Raises:
        ValueError: The model is not built.
    """
    return _told(Trace(require_graph(model)), model)


def _told(trace: Trace, model: Any) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for path, call in walk(require_graph(model)):
        layer = call.operation
        if id(layer) in trace.widths:
            try:
                _one_leaf(trace, model, layer, trace.widths[id(layer)])
                found[path] = None
            except GraphError as error:
                found[path] = str(error)
    return found


def one_layer(model: Any, layer: str | keras.layers.Layer) -> Any:
    """The one layer of a model that is meant.

    Raises:
        ValueError: There is none, or several match.
    """
    chosen = {id(x): x for x in select(model, layer).values()}
    if len(chosen) > 1:
        names = ", ".join(x.name for x in chosen.values())
        raise GraphError(f"{layer!r} names several layers of {model.name}: {names}")
    return next(iter(chosen.values()))


def _space(trace: Trace, model: Any, layer: Any) -> Space:
    space = trace.widths.get(id(layer))
    if space is not None:
        return space
    kind = type(layer).__name__
    if recorded_graph(layer) is not None:
        first = f"{layer.name}/{layer.layers[-1].name}"
        raise GraphError(f"'{layer.name}' is a model\n  fix: name a layer of it, e.g. '{first}'")
    if id(layer) in trace.unknown_layers:
        raise GraphError(f"{trace.unknown_layers[id(layer)]}, so that it cannot be widened")
    names = [x.name for x in trace.layers.values() if id(x) in trace.widths]
    raise GraphError(
        f"'{layer.name}' ({kind}) of {model.name} has no width of its own\n"
        f"  fix: widen a layer that has: {', '.join(names) or 'there is none'}"
    )


def _one_leaf(trace: Trace, model: Any, layer: Any, space: Space) -> Leaf:
    kind = type(layer).__name__
    own = leaves(space)
    fixed = next((leaf.fixed for leaf in own if leaf.fixed), None)
    if fixed:
        raise GraphError(f"'{layer.name}' ({kind}) of {model.name} cannot be widened: {fixed}")
    if len(own) > 1:
        parts = [
            other.name
            for key, other in trace.layers.items()
            if key in trace.widths and set(leaves(trace.widths[key])) < set(own)
        ]
        raise GraphError(
            f"'{layer.name}' ({kind}) of {model.name} cannot be widened: its channels go with "
            f"several pieces that are joined, which are widened one by one\n"
            f"  fix: widen {', '.join(parts) or 'with double_width'}"
        )
    return own[0]


def _check(layer: Any, width: Any, now: int, each: int, noise: Any) -> None:
    whole = isinstance(width, (int, np.integer)) and not isinstance(width, bool)
    if not whole or width <= now:
        raise GraphError(f"'{layer.name}' is {now} wide: width must be more, got {width!r}")
    if width % each:
        raise GraphError(
            f"'{layer.name}' goes in {each} equal groups of channels: width must be a multiple "
            f"of {each}, got {width}"
        )
    _check_noise(noise)


def _check_noise(noise: Any) -> None:
    if isinstance(noise, bool) or not isinstance(noise, (int, float)) or not 0 <= noise < np.inf:
        raise GraphError(f"noise must be a number from 0 up, got {noise!r}")


def _copies(size: int, width: int, random: np.random.Generator) -> np.ndarray:
    """Of each of `width` channels which of `size` it copies: all as often as can be."""
    rest = [random.permutation(size) for _ in range(width // size)]
    return np.concatenate([np.arange(size), *rest])[:width]
