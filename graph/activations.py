"""What every layer of a model answers to an input, in one compiled pass."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, overload

import keras
import numpy as np

from .activation_file import ActivationFile
from .batches import Batches, batches_of
from .calls import Selector
from .identity import model_fingerprint
from .progress import shown_progress
from .subject import Subject, subject_of
from .taps import Reduction, Taps, reduction

__all__ = ["Taps", "activations"]


@overload
def activations(
    model: keras.Model,
    x: Any,
    layers: Selector | Sequence[Selector] | None = ...,
    *,
    batch_size: int = ...,
    reduce: Reduction = ...,
    per_step: bool = ...,
    steps: int | None = ...,
    preprocess: Callable[[np.ndarray], Any] | None = ...,
    to: None = ...,
    overwrite: bool = ...,
    progress: bool | None = ...,
) -> dict[str, Any]: ...
@overload
def activations(
    model: keras.Model,
    x: Any,
    layers: Selector | Sequence[Selector] | None = ...,
    *,
    batch_size: int = ...,
    reduce: Reduction = ...,
    per_step: bool = ...,
    steps: int | None = ...,
    preprocess: Callable[[np.ndarray], Any] | None = ...,
    to: str | os.PathLike[str],
    overwrite: bool = ...,
    progress: bool | None = ...,
) -> Path: ...
def activations(
    model: keras.Model,
    x: Any,
    layers: Selector | Sequence[Selector] | None = None,
    *,
    batch_size: int = 32,
    reduce: Reduction = None,
    per_step: bool = False,
    steps: int | None = None,
    preprocess: Callable[[np.ndarray], Any] | None = None,
    to: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    progress: bool | None = None,
) -> dict[str, Any] | Path:
    """Compute the outputs of any layers of a model, in inference mode and in one pass.

    Nothing of the model changes: its compile state, its layers' records, its weights. The
    compiled pass is kept while the model lives, so that asking again for the same layers
    compiles nothing. A subclassed model has no record of its layers' calls: it runs once on the
    first batch to make one, and its pass is compiled on TensorFlow only.

    Args:
        model: a built model: Functional, Sequential (a GModule is one) or subclassed, nested or
            not.
        x: the input, with a batch axis: an array `(batch, ...)`; for several inputs a list of
            arrays in the order of `model.inputs` (nested lists are flattened), or a dict by
            input name; a `tf.data.Dataset`, a `keras.utils.PyDataset`, a generator or another
            iterable of batches of these, of which `(x, y)` and `(x, y, weight)` give `x`; the
            path of a folder, whose images (its sub-folders' too) are read with
            `keras.utils.load_img`, sorted by path, resized to the model's input, as RGB in
            0..255.
        layers: which layers: a name (`"conv1"`), an index into `model.layers`, a layer class
            or a layer (found at all depths), a glob pattern (`"conv*"`), a function that takes a
            layer and says whether it is wanted, or a list mixing these. `"embedding/conv1"` and
            `"embedding/*"` reach into a nested model. None (the default) takes all layers of the
            model itself but its InputLayers.
        batch_size: samples computed at once, where `x` does not hold batches. Default 32.
        reduce: `"mean"` or `"max"` over all axes but the batch and the last one, or a function
            from a backend tensor to a smaller one with the same batch axis; part of the pass.
            Default None, everything.
        per_step: recurrent layers that return their last output give all of them,
            `(batch, time, units)`, in the order they were computed. Default False.
        steps: batches to take from a data set or generator. Default None, all.
        preprocess: what a folder's images go through, from float32 pixels
            `(batch, height, width, channels)`; `preprocess_input` of keras.applications is one.
        to: an HDF5 file to write instead, in constant memory; see `graph.activation_file`. A run
            that was killed goes on where it was when it is started again.
        overwrite: replace what `to` holds, once the new file is complete. Default False.
        progress: draw a progress bar on stderr, when `to` is given. Default None: if stderr is
            a terminal.

    Returns:
        Layer name -> array `(batch, ...)`, in the order of the graph. A layer with several
        outputs gives a (nested) list of arrays. A layer called several times in this model
        gives `name:0`, `name:1`, ...; calls made by other models do not show. With `to`, its
        path.

    Raises:
        TypeError: `model` is no Keras model, or a member of `layers` is of an unknown kind.
        ValueError: the model is not built; nothing matches a member of `layers`; the inputs are
            too few, too many or of a wrong shape; a file is not an image; `to` holds something
            else than this model's activations of these layers and data.
        OSError: `to` cannot be written. What is there stays as it is, and so do the rows that
            are complete, for another start.

    Example:
        >>> import keras, numpy as np
        >>> model = keras.Sequential([
        ...     keras.Input((2,)),
        ...     keras.layers.Dense(3, activation="relu", name="fc1"),
        ...     keras.layers.Dense(1, name="fc2"),
        ... ])
        >>> {k: v.shape for k, v in activations(model, np.ones((5, 2)), "fc*").items()}
        {'fc1': (5, 3), 'fc2': (5, 1)}
    """
    reduction(reduce)
    subject = subject_of(model)
    batches = batches_of(subject, x, batch_size, steps=steps, preprocess=preprocess)
    names = tuple(subject.select(layers, batches.first))
    if to is not None:
        identity = {
            "model": model_fingerprint(model),
            "layers": list(names),
            "reduce": _described(reduce),
            "per_step": per_step,
            "data": batches.fingerprint(),
        }
        file = ActivationFile(to, identity, overwrite=overwrite)
        if not file.is_complete():
            run = _values(subject, batches, names, reduce, per_step, file.rows)
            file.write(names, shown_progress(run, file.rows, batches.count, progress))
        return Path(to)
    if not names:
        return {}
    collected = [_Column(batches.count) for _ in names]
    for start, values in _values(subject, batches, names, reduce, per_step, 0):
        for column, value in zip(collected, values, strict=True):
            column.add(start, value)
    return {name: column.whole() for name, column in zip(names, collected, strict=True)}


def _described(reduce: Reduction) -> str | None:
    if reduce is None or isinstance(reduce, str):
        return reduce
    return f"{getattr(reduce, '__module__', '')}.{getattr(reduce, '__qualname__', type(reduce))}"


def _values(
    subject: Subject,
    batches: Batches,
    names: tuple[str, ...],
    reduce: Reduction,
    per_step: bool,
    row: int,
) -> Iterator[tuple[int, list[Any]]]:
    """`(first row, the calls' outputs)` of each batch, from the one that holds `row`.

    The arrays may share memory with one another, with the input and with the model.
    """
    compiled = subject.compiled(names, reduce, per_step)
    for start, arrays in batches.start_at(row):
        try:
            values = compiled(arrays)
        except Exception as error:
            # Shapes that only a layer deep inside can refuse, such as an image smaller than a
            # kernel. By name: the class is TensorFlow's, and that may not be the backend.
            if not isinstance(error, ValueError) and type(error).__name__ != "InvalidArgumentError":
                raise
            shapes = ", ".join(str(tuple(array.shape)) for array in arrays)
            raise ValueError(
                f"model '{subject.model.name}' cannot compute inputs of shape {shapes}: {error}"
            ) from error
        yield start, [_plain(value) for value in values]


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, Mapping):
        return {key: _plain(v) for key, v in value.items()}
    # NumPy may share the memory of a tensor of TensorFlow or JAX, where Keras always copies it.
    if keras.backend.backend() != "torch" and hasattr(value, "__array__"):
        return np.asarray(value)
    return keras.ops.convert_to_numpy(value) if keras.ops.is_tensor(value) else np.asarray(value)


class _Column:
    """The outputs of one call for all samples."""

    def __init__(self, count: int | None) -> None:
        self._count = count
        self._parts: list[Any] = []
        self._whole: Any = None
        self._filled = 0

    def add(self, start: int, value: Any) -> None:
        count = self._count
        if start == 0 and isinstance(value, np.ndarray) and value.ndim and count is not None:
            # Filled in place: parts that are joined at the end need the memory twice. Where one
            # batch is all there is nothing to fill.
            if value.shape[0] < count and value.dtype.kind in "biuf":
                self._whole = np.empty((count, *value.shape[1:]), value.dtype)
        if self._whole is None:
            self._parts.append(value)
            return
        stop = start + len(value)
        if stop <= len(self._whole) and value.shape[1:] == self._whole.shape[1:]:
            self._whole[start:stop] = value
            self._filled = stop
        else:  # a layer that changes the batch axis
            self._parts = [self._whole[:start], value]
            self._whole = None

    def whole(self) -> Any:
        if self._whole is not None:
            return self._whole[: self._filled]
        return _joined(self._parts)


def _joined(parts: list[Any]) -> Any:
    if isinstance(parts[0], list):
        return [_joined(list(part)) for part in zip(*parts, strict=True)]
    if isinstance(parts[0], dict):
        return {key: _joined([part[key] for part in parts]) for key in parts[0]}
    return np.array(parts[0]) if len(parts) == 1 else np.concatenate(parts)
