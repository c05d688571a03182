"""Training that is killed, and goes on to the weights of one that was not."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import interrupted_training
import keras
import numpy as np
import pytest

from zoo.training import EpochBackup

SCRIPT = Path(interrupted_training.__file__)
ROOT = Path(__file__).parents[3]


def start(*arguments):
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, SCRIPT, *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )


@pytest.mark.slow
def test_killed_twice_it_ends_where_it_would_have_ended(tmp_path):
    whole = interrupted_training.train(tmp_path / "whole", 9)

    # Killed from outside, in the middle of its fifth epoch: files of the second and the fourth.
    with start(tmp_path / "cut", 9) as run:
        for line in run.stdout:
            if line == "4 2\n":
                run.send_signal(signal.SIGKILL)
                break
    assert run.returncode == -signal.SIGKILL
    assert os.listdir(tmp_path / "cut") == ["epoch-0004.weights.h5"]

    # Goes on from there, and dies while it writes the sixth.
    with start(tmp_path / "cut", 9, 6) as run:
        seen = run.stdout.read().split("\n")
    assert run.returncode == -signal.SIGKILL
    assert seen[0] == "4 0" and seen[-2] == "5 5"
    left = {"epoch-0004.weights.h5", "unfinished.weights.h5"}
    assert set(os.listdir(tmp_path / "cut")) == left

    resumed = interrupted_training.train(tmp_path / "cut", 9)
    assert os.listdir(tmp_path / "cut") == ["epoch-0008.weights.h5"]
    same_weights(resumed, whole)
    fresh = interrupted_training.model()
    assert not np.array_equal(fresh.get_weights()[-1], whole.get_weights()[-1])


def same_weights(one, other):
    state = [[*net.variables, *net.optimizer.variables] for net in (one, other)]
    assert len(state[0]) == len(state[1])
    for a, b in zip(*state, strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b), err_msg=a.path)


def test_in_one_process_every_third_epoch(tmp_path):
    whole = interrupted_training.train(tmp_path / "a", 7)
    interrupted_training.train(tmp_path / "b", 5, every=3)
    assert EpochBackup(tmp_path / "b").epochs_done == 3
    same_weights(interrupted_training.train(tmp_path / "b", 7, every=3), whole)
    assert os.listdir(tmp_path / "b") == ["epoch-0006.weights.h5"]


def small():
    keras.utils.set_random_seed(1)
    net = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    net.compile("sgd", "mse")
    return net


X, Y = np.arange(8.0).reshape(4, 2), np.arange(4.0)


def fit(net, folder, epochs, **options):
    backup = EpochBackup(folder, **options)
    return net.fit(X, Y, epochs=epochs, verbose=0, shuffle=False, callbacks=[backup])


def test_the_last_files_stay(tmp_path):
    fit(small(), tmp_path, 12, keep=3)
    names = [f"epoch-{k:04d}.weights.h5" for k in (10, 11, 12)]
    assert sorted(os.listdir(tmp_path)) == names


def test_a_finished_training_is_not_repeated_and_a_longer_one_goes_on(tmp_path):
    net = small()
    fit(net, tmp_path, 3)
    before = net.get_weights()
    assert fit(net, tmp_path, 3).epoch == []
    np.testing.assert_array_equal(net.get_weights()[0], before[0])
    assert fit(net, tmp_path, 5).epoch == [3, 4]
    # Without it, fit begins where it always does.
    assert net.fit(X, Y, epochs=2, verbose=0).epoch == [0, 1]


def test_an_interrupted_fit_leaves_no_trace_in_the_model(tmp_path):
    net = small()
    fit(net, tmp_path, 2)

    class Interrupting(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        net.fit(X, Y, epochs=4, verbose=0, callbacks=[EpochBackup(tmp_path), Interrupting()])
    assert net.fit(X, Y, epochs=1, verbose=0).epoch == [0]


def test_other_files_are_left_alone(tmp_path):
    (tmp_path / "epoch-0099.txt").write_text("mine")
    (tmp_path / "my-epoch-0099.weights.h5").write_text("mine")
    fit(small(), tmp_path, 2)
    assert {p.name for p in tmp_path.iterdir()} == {
        *("epoch-0099.txt", "my-epoch-0099.weights.h5", "epoch-0002.weights.h5")
    }


def test_a_file_of_another_model(tmp_path):
    fit(small(), tmp_path, 1)
    other = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)], name="other")
    other.compile("sgd", "mse")
    with pytest.raises(ValueError, match=r"epoch-0001.weights.h5 does not fit other: (.|\n)*fix:"):
        fit(other, tmp_path, 2)


@pytest.mark.parametrize("options", [{"every": 0}, {"every": 1.5}, {"keep": 0}, {"every": True}])
def test_wrong_arguments(options, tmp_path):
    with pytest.raises(ValueError, match="must be a whole number from 1 up"):
        EpochBackup(tmp_path, **options)


def test_why_not_keras_alone(tmp_path):
    """The stock callback, killed between its two files, repeats an epoch with newer weights."""
    whole = small()
    whole.fit(X, Y, epochs=4, verbose=0, shuffle=False)

    stock = keras.callbacks.BackupAndRestore(tmp_path, delete_checkpoint=False)
    cut = small()
    cut.fit(X, Y, epochs=2, verbose=0, shuffle=False, callbacks=[stock])
    number = (tmp_path / "training_metadata.json").read_bytes()
    cut.fit(X, Y, epochs=3, verbose=0, shuffle=False, callbacks=[stock])
    (tmp_path / "training_metadata.json").write_bytes(number)  # the third's was not yet written

    resumed = small()
    resumed.fit(X, Y, epochs=4, verbose=0, shuffle=False, callbacks=[stock])
    assert int(resumed.optimizer.iterations) == 5 and int(whole.optimizer.iterations) == 4


def test_nor_does_keras_keep_random_states(tmp_path):
    net = keras.Sequential([keras.Input((64,)), keras.layers.Dropout(0.5)])
    ones = np.ones((1, 64), "float32")
    net(ones, training=True)
    net.save_weights(tmp_path / "stock.weights.h5")
    after = np.asarray(net(ones, training=True))
    net.load_weights(tmp_path / "stock.weights.h5")
    assert (np.asarray(net(ones, training=True)) != after).any()
