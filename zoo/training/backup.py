"""Training that goes on where it was killed."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

__all__ = ["EpochBackup"]

_NAME = re.compile(r"epoch-(\d+)\.weights\.h5")
_RANDOM = "random_states"  # A group of the file beside those of Keras.


class EpochBackup(keras.callbacks.Callback):
    """Keep weights and optimizer every few epochs; `fit` goes on from the last that was kept.

    A callback of `fit`. `keras.callbacks.BackupAndRestore` does so without the random states of
    dropout and augmentation, which start anew; it keeps every epoch, or every number of batches,
    after which it repeats the epoch that it was in; and it writes over its only file and tells the
    epoch in another, so that a process killed in between leaves a file that cannot be read, or
    weights of one epoch with the number of another. Here one file holds everything and takes its
    place in one step: a process that is killed at any moment leaves the last whole one.

    Training ends as if it had never been killed if what a step does depends on the weights, the
    optimizer, the layers' random states (these are kept) and the number of the step alone. So give
    `fit` data that begins where it left off (`epochs_done`), not arrays with ``shuffle=True``. What
    other callbacks remember, such as `ReduceLROnPlateau`, is not kept. On PyTorch give seeds to
    dropout layers: without one they draw from PyTorch's own generator, which is not kept either.

    Args:
        folder: Where the files ``epoch-0007.weights.h5`` are; made when the first is written. One
            for each training.
        every: After how many epochs. Default: 1.
        keep: How many of the last files stay. Default: 1.

    Attributes:
        epochs_done: Epochs that the last file in `folder` holds, 0 if there is none.

    Raises:
        ValueError: `every` or `keep` is no whole number from 1 up; or, when `fit` begins, the last
            file cannot be loaded into the model, whose weights may then be changed in part.

    The example is of `zoo.training.balanced_batches`, 50 batches an epoch::

        backup = EpochBackup("run", every=5)
        start = 50 * backup.epochs_done
        data = balanced_batches((x, y), y, seed=0, first=start)
        model.fit(data, steps_per_epoch=50, epochs=100, callbacks=[backup])
    """

    def __init__(self, folder: str | os.PathLike[str], every: int = 1, *, keep: int = 1) -> None:
        super().__init__()
        for what, value in (("every", every), ("keep", keep)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"{what} must be a whole number from 1 up, got {value!r}")
        self.folder, self.every, self.keep = Path(folder), every, keep

    @property
    def epochs_done(self) -> int:
        return max(self._files(), default=0)

    def on_train_begin(self, logs: Any = None) -> None:
        """Load the last file, if there is one, and have `fit` begin behind its epoch."""
        model: Any = self.model
        files = self._files()
        if not files:
            return
        epoch = max(files)
        if model.optimizer is not None and not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        try:
            states = _random_states(model)
            with h5py.File(files[epoch], "r") as file:
                kept: Any = file[_RANDOM]
                kept = [np.asarray(kept[str(i)]) for i in range(len(kept))]
            if [k.shape for k in kept] != [tuple(state.shape) for state in states]:
                raise ValueError(f"it holds {len(kept)} random states, not {len(states)}")
            model.load_weights(files[epoch])
            for state, value in zip(states, kept, strict=True):
                state.assign(value)
        except Exception as error:
            raise ValueError(
                f"{files[epoch]} does not fit {model.name}: {error}\n"
                f"  fix: the model and optimizer that wrote it, or another folder"
            ) from error
        # There is no public way for a callback; Keras's own does the same.
        model._initial_epoch = epoch

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """`fit` has read where to begin; a later one begins where it is told to."""
        self.model._initial_epoch = None

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Write, if it is time."""
        done = epoch + 1
        if done % self.every:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"epoch-{done:04d}.weights.h5"
        # Keras wants the name to end so. What a killed process left is written over.
        unfinished = self.folder / "unfinished.weights.h5"
        self.model.save_weights(unfinished, overwrite=True)
        with h5py.File(unfinished, "r+") as file:
            group = file.create_group(_RANDOM)
            for i, state in enumerate(_random_states(self.model)):
                group[str(i)] = keras.ops.convert_to_numpy(state)
        with open(unfinished, "rb") as written:
            os.fsync(written.fileno())
        os.replace(unfinished, path)
        files = self._files()
        for old in sorted(files)[: -self.keep]:
            files[old].unlink()

    def on_train_end(self, logs: Any = None) -> None:
        """As in `on_epoch_begin`, which is not called where no epoch was left."""
        self.model._initial_epoch = None

    def _files(self) -> dict[int, Path]:
        found = self.folder.iterdir() if self.folder.is_dir() else ()
        named = ((_NAME.fullmatch(path.name), path) for path in found)
        return {int(match[1]): path for match, path in named if match}


def _random_states(model: Any) -> list[Any]:
    """What Keras does not count among a model's weights, and does not save."""
    weights = {id(weight) for weight in model.weights}
    return [variable for variable in model.variables if id(variable) not in weights]
