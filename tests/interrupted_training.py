"""A training that can be killed: dropout, batch normalisation, noise, a decaying learning rate.

    python interrupted_training.py FOLDER EPOCHS [EPOCH_WHOSE_FILE_IS_CUT_SHORT]

Prints a line for each batch. With the third argument the process kills itself, by SIGKILL, when
half of that epoch's file is written.
"""

from __future__ import annotations

import os
import signal
import sys
import time

import keras
import numpy as np

from zoo.training import ColourNoise, EpochBackup, balanced_batches

STEPS = 6
# On PyTorch a Dropout without a seed draws from PyTorch's own generator, which is not kept.
DROPOUT_SEED = 7 if keras.backend.backend() == "torch" else None


def model() -> keras.Model:
    keras.utils.set_random_seed(11)
    layers = keras.layers
    net = keras.Sequential(
        [
            keras.Input((4, 4, 3)),
            ColourNoise(0.3, seed=5),
            layers.Conv2D(6, 3),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Dropout(0.4, seed=DROPOUT_SEED),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )
    rate = keras.optimizers.schedules.InverseTimeDecay(0.01, 1, 0.05)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    net.compile(keras.optimizers.Adam(rate), loss)
    return net


def data(first: int):
    rng = np.random.default_rng(2)
    y = rng.integers(0, 3, 60)
    x = rng.normal(size=(60, 4, 4, 3)) + y[:, None, None, None]
    return balanced_batches((x.astype("float32"), y), y, batch_size=10, seed=3, first=first)


def train(folder, epochs: int, *, every: int = 2, callbacks=()) -> keras.Model:
    net = model()
    backup = EpochBackup(folder, every=every)
    batches = data(STEPS * backup.epochs_done)
    net.fit(
        batches,
        steps_per_epoch=STEPS,
        epochs=epochs,
        verbose=0,
        shuffle=False,
        callbacks=[*callbacks, backup],
    )
    return net


class Telling(keras.callbacks.Callback):
    """Says where it is, slowly enough to be killed there."""

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        print(self.epoch, batch, flush=True)
        time.sleep(0.05)


class CutShort(keras.callbacks.Callback):
    """Dies when half of a file is written."""

    def __init__(self, epoch: int) -> None:
        super().__init__()
        self._at = epoch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch + 1 != self._at:
            return
        save = self.model.save_weights

        def cut(path, **options):
            save(path, **options)
            os.truncate(path, os.path.getsize(path) // 2)
            os.kill(os.getpid(), signal.SIGKILL)

        self.model.save_weights = cut


if __name__ == "__main__":
    folder, epochs, *at = sys.argv[1:]
    train(folder, int(epochs), callbacks=[Telling(), *(CutShort(int(epoch)) for epoch in at)])
