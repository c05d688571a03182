"""Weights, compilation and the optimizer's state, carried from a model to its successor."""

from __future__ import annotations

import warnings
from typing import Any

import keras
import numpy as np

from ..errors import GraphError
from .plan import Plan, along
from .rebuild import layer_pairs

__all__ = ["carry"]

# What the entries of an optimizer's slot are: gradients (1), their squares (2), or as large as an
# update or a weight (0), whatever the gradient is.
_DEGREES: dict[str, dict[str, int]] = {
    "SGD": {"momentums": 1},
    "Adam": {"_momentums": 1, "_velocities": 2, "_velocity_hats": 2},
    "AdamW": {"_momentums": 1, "_velocities": 2, "_velocity_hats": 2},
    "Nadam": {"_momentums": 1, "_velocities": 2},
    "Adamax": {"_m": 1, "_u": 1},
    "Lamb": {"_momentums": 1, "_velocities": 2},
    "Lion": {"_momentums": 1},
    "RMSprop": {"_velocities": 2, "_momentums": 0, "_average_gradients": 1},
    "Adagrad": {"_accumulators": 2},
    "Adadelta": {"_accumulated_grads": 2, "_accumulated_delta_vars": 0},
}
_EVERYWHERE = {"_model_variables_moving_average": None, "_accumulated_gradients": 1}


def carry(old: Any, new: Any, plan: Plan) -> Any:
    """Give `new` the weights of `old`, its compilation, and the state of its optimizer.

    Raises:
        GraphError: A weight of the new model has another shape than planned.
    """
    partner: dict[int, Any] = {}
    values: dict[int, np.ndarray] = {}
    for mine, its in layer_pairs(old, new):
        if len(mine.weights) != len(its.weights):
            raise GraphError(
                f"'{mine.name}' has {len(mine.weights)} weights and {len(its.weights)} when it is "
                f"made anew from its config"
            )
        for variable, other in zip(mine.weights, its.weights, strict=True):
            if id(variable) in partner:
                continue
            if plan.shape(variable) != tuple(other.shape):
                raise GraphError(
                    f"'{mine.name}' cannot be given another width: its weight '{variable.name}' "
                    f"should be {plan.shape(variable)}, and is {tuple(other.shape)}"
                )
            partner[id(variable)] = other
            values[id(variable)] = plan.weight(variable)
    for key, other in partner.items():
        other.assign(values[key])
    if getattr(old, "optimizer", None) is not None:
        _compile(old, new)
        _carry_state(old.optimizer, new, partner, plan)
    return new


def _compile(old: Any, new: Any) -> None:
    arguments = dict(old._compile_config.config)
    arguments["optimizer"] = _fresh(old.optimizer)
    for name in ("metrics", "weighted_metrics"):
        arguments[name] = keras.tree.map_structure(_fresh_metric, arguments.get(name))
    new.compile(**arguments)


def _fresh_metric(metric: Any) -> Any:
    # A metric that two models share would count for both.
    if isinstance(metric, keras.metrics.Metric):
        return type(metric).from_config(metric.get_config())
    return metric


def _fresh(optimizer: Any) -> Any:
    return type(optimizer).from_config(optimizer.get_config())


def _carry_state(optimizer: Any, new: Any, partner: dict[int, Any], plan: Plan) -> None:
    fresh = new.optimizer
    if not optimizer.built:
        return
    fresh.build(new.trainable_variables)
    inner = getattr(optimizer, "inner_optimizer", None)
    if inner is not None:  # LossScaleOptimizer
        for name in ("step_counter", "dynamic_scale"):
            getattr(fresh, name).assign(getattr(optimizer, name))
        fresh._iterations.assign(optimizer._iterations)
        optimizer, fresh = inner, fresh.inner_optimizer
    fresh._iterations.assign(optimizer._iterations)
    if hasattr(optimizer, "_u_product"):  # Nadam
        fresh._u_product.assign(optimizer._u_product)
    rate = optimizer._learning_rate
    if isinstance(rate, keras.Variable):
        fresh.learning_rate = float(keras.ops.convert_to_numpy(rate))
    kind = type(optimizer).__name__
    if type(optimizer).__module__.partition(".")[0] != "keras" or kind not in _DEGREES:
        warnings.warn(
            f"the state of {kind} starts anew: graph.net2net knows those of {', '.join(_DEGREES)}",
            stacklevel=4,
        )
        return
    places = {id(v): i for i, v in enumerate(fresh._trainable_variables)}
    for name, degree in {**_EVERYWHERE, **_DEGREES[kind]}.items():
        slots, mine = getattr(optimizer, name, None), getattr(fresh, name, None)
        if not slots or not mine:
            continue
        for variable, slot in zip(optimizer._trainable_variables, slots, strict=True):
            place = places.get(id(partner.get(id(variable))))
            if place is not None and slot is not None:
                mine[place].assign(_state(plan, variable, slot, degree))


def _state(plan: Plan, variable: Any, slot: Any, degree: int | None) -> np.ndarray:
    """What a slot would hold had the widened model been trained from the start.

    A weight that is repeated has its gradient shared out among the copies, because their readers
    share out; one that is shared out has the whole gradient at each of its copies.
    """
    array = keras.ops.convert_to_numpy(slot).astype("float64")
    for change in plan.changes(variable):
        array = np.take(array, change.index, change.axis)
        shares = along(change.counts, change.axis, array.ndim)
        if degree is None:
            array = array / shares if change.summed else array
        elif not change.summed:
            array = array / shares**degree
    return array
