"""Batches drawn by class, against counts and classes that NumPy looks up."""

import subprocess
import sys

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import losses
from zoo import SiameseNet, TripletNet
from zoo.training import balanced_batches, pair_batches, triplet_batches

# Three classes of very different sizes, not in order, named by words.
LABELS = np.array(["b"] * 2 + ["a"] * 90 + ["c"] * 8)[np.random.default_rng(3).permutation(100)]


def first_of(data, count=1):
    got = [keras.tree.map_structure(np.asarray, element) for element in data.take(count)]
    return keras.tree.map_structure(lambda *parts: np.concatenate(parts), *got)


def test_every_class_is_as_likely_and_every_item_in_it():
    data = balanced_batches({"row": np.arange(100), "y": LABELS}, LABELS, batch_size=50, seed=0)
    got = first_of(data, 600)  # 30,000 draws
    assert (LABELS[got["row"]].astype(bytes) == got["y"]).all()  # nested alike, rows together
    for name in "abc":
        mine = np.flatnonzero(LABELS == name)
        counts = np.bincount(got["row"], minlength=100)[mine]
        assert abs(counts.sum() - 10_000) < 5 * np.sqrt(30_000 * 2 / 9)
        expected = counts.sum() / len(mine)
        assert (abs(counts - expected) < 5 * np.sqrt(expected)).all()


@settings(max_examples=8)
@given(
    sizes=st.lists(st.integers(2, 7), min_size=2, max_size=5),
    negatives=st.integers(1, 3),
    seed=st.integers(0, 2**31),
)
def test_triplets_are_triplets(sizes, negatives, seed):
    y = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)) * 7 - 3, sizes))
    a, p, *others = first_of(
        triplet_batches(np.arange(len(y)), y, negatives=negatives, batch_size=20, seed=seed), 2
    )
    assert len(others) == negatives and len(a) == 40
    assert (y[a] == y[p]).all() and (a != p).all()
    for n in others:
        assert (y[a] != y[n]).all()


def test_triplets_reach_every_item_alike():
    a, p, n1, n2 = first_of(
        triplet_batches(np.arange(100), LABELS, negatives=2, batch_size=100, seed=4), 300
    )
    for rows in (a, p, n1, n2):
        for name in "abc":
            mine = np.flatnonzero(LABELS == name)
            counts = np.bincount(rows, minlength=100)[mine]
            expected = 10_000 / len(mine)
            assert (abs(counts - expected) < 6 * np.sqrt(expected)).all()
    # Every ordered pair of class c is as likely; the two negatives are drawn apart.
    mine = np.flatnonzero(LABELS == "c")
    table = np.zeros((100, 100))
    np.add.at(table, (a, p), 1)
    inside = table[np.ix_(mine, mine)]
    expected = inside.sum() / 56
    assert (np.diag(inside) == 0).all()
    assert (abs(inside[~np.eye(8, dtype=bool)] - expected) < 6 * np.sqrt(expected)).all()
    assert 0.01 < (n1 == n2).mean() < 0.5


@pytest.mark.parametrize("alike", [0.0, 0.3, 1.0])
def test_pairs_are_what_their_targets_say(alike):
    data = pair_batches(np.arange(100), LABELS, alike=alike, targets=(-1, 2), batch_size=64, seed=1)
    (left, right), y = first_of(data, 100)
    assert y.shape == (6400, 1) and y.dtype == "float32"
    same = LABELS[left] == LABELS[right]
    np.testing.assert_array_equal(y[:, 0], np.where(same, 2, -1))
    assert (left != right).all()
    assert abs(same.mean() - alike) < 5 * np.sqrt(0.25 / 6400)


MAKERS = {
    "balanced": balanced_batches,
    "triplets": triplet_batches,
    "pairs": pair_batches,
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_a_batch_depends_on_seed_and_number_alone(make):
    def flat(seed, first=0, batches=8, **other):
        data = make(np.arange(100), LABELS, seed=seed, first=first, batch_size=16, **other)
        return np.stack(
            [
                np.concatenate([np.ravel(p) for p in keras.tree.flatten(e)])
                for e in data.take(batches)
            ]
        )

    once = flat(5)
    assert len(np.unique(once, axis=0)) == 8  # no batch twice
    keras.utils.set_random_seed(99)
    np.testing.assert_array_equal(flat(5), once)
    np.testing.assert_array_equal(flat(5, first=3, batches=5), once[3:])
    assert (flat(6) != once).any()
    keras.utils.set_random_seed(7)
    free = flat(None)
    assert (flat(None) != free).any()
    keras.utils.set_random_seed(7)
    np.testing.assert_array_equal(flat(None), free)


def test_the_same_in_another_process():
    code = (
        "import numpy as np; from zoo.training import triplet_batches as t; y = np.arange(12) % 3;"
        "batch = next(iter(t(np.arange(12), y, batch_size=5, seed=8)));"
        "print([np.asarray(part).tolist() for part in batch])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    here = next(iter(triplet_batches(np.arange(12), np.arange(12) % 3, batch_size=5, seed=8)))
    assert run.stdout.strip() == str([np.asarray(part).tolist() for part in here])


def test_nested_inputs_stay_nested():
    frame, flow = np.arange(10.0), np.arange(20.0).reshape(10, 2)
    y = np.arange(10) % 2
    a, p, n = next(iter(triplet_batches((frame, flow), y, batch_size=4, seed=0)))
    for one, two in (a, p, n):
        np.testing.assert_array_equal(np.asarray(one) * 2, np.asarray(two)[:, 0])


def embedding():
    layers = keras.layers
    return keras.Sequential([keras.Input((5,)), layers.Dense(8, "relu"), layers.Dense(3)])


def clusters(seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 4, 200)
    x = rng.normal(size=(4, 5))[y] * 2 + rng.normal(size=(200, 5))
    return x.astype("float32"), y


def test_triplet_net_learns_from_them():
    x, y = clusters()
    net = TripletNet(embedding())
    net.compile(
        keras.optimizers.Adam(0.01),
        losses.DistanceRatioLoss(),
        metrics=[losses.TripletAccuracy()],
    )
    held = triplet_batches(x, y, batch_size=100, seed=1).take(3)
    before = net.evaluate(held, verbose=0, return_dict=True)["triplet_accuracy"]
    net.fit(triplet_batches(x, y, seed=0), steps_per_epoch=60, epochs=2, verbose=0)
    after = net.evaluate(held, verbose=0, return_dict=True)["triplet_accuracy"]
    assert after > max(before, 0.9)


def test_siamese_net_learns_from_them():
    x, y = clusters()
    net = SiameseNet(embedding())  # L1, as HingeEmbedding has it
    net.compile(keras.optimizers.Adam(0.01), losses.HingeEmbeddingLoss(margin=3.0))
    held = pair_batches(x, y, targets=(-1, 1), batch_size=100, seed=1).take(3)
    before = net.evaluate(held, verbose=0)
    data = pair_batches(x, y, targets=(-1, 1), seed=0)
    net.fit(data, steps_per_epoch=60, epochs=2, verbose=0)
    assert net.evaluate(held, verbose=0) < before / 2


def test_scores_by_their_bins():
    """Balanced over bins, with the scores themselves as targets of a regression."""
    rng = np.random.default_rng(0)
    scores = rng.beta(2, 8, 500).astype("float32")
    bins = np.digitize(scores, [0.1, 0.2, 0.4])
    _, drawn = first_of(balanced_batches((scores, scores), bins, batch_size=100, seed=0), 20)
    share = np.bincount(np.digitize(drawn, [0.1, 0.2, 0.4])) / 2000
    assert (abs(share - 0.25) < 0.05).all()


@pytest.mark.parametrize("make", [triplet_batches, pair_batches])
def test_classes_that_allow_no_pair_are_named(make):
    with pytest.raises(ValueError, match="at least 2 items; fewer have 'b', 'd'\n  fix: leave"):
        make(np.arange(6), ["a", "a", "b", "c", "c", "d"])
    with pytest.raises(ValueError, match="at least 2 classes are needed, all labels are 4"):
        make(np.arange(3), [4, 4, 4])


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": np.zeros((4, 2))}, r"one class an item, \(items,\), got shape \(4, 2\)"),
        ({"labels": []}, r"got shape \(0,\)"),
        ({"labels": [0, 0, 1, 1, 1]}, "there are 5 labels, and 4 items in"),
        ({"batch_size": 0}, "batch_size must be a whole number from 1 up, got 0"),
        ({"batch_size": 2.0}, "batch_size must be a whole number from 1 up, got 2.0"),
        ({"seed": -1}, "seed must be a whole number from 0 up, got -1"),
        ({"first": -2}, "first must be a whole number from 0 up, got -2"),
        ({"first": None}, "first must be a whole number from 0 up, got None"),
    ],
)
def test_wrong_arguments(make, change, message):
    arguments = {"labels": [0, 0, 1, 1], **change}
    with pytest.raises(ValueError, match=message):
        make(np.arange(4), arguments.pop("labels"), **arguments)


def test_wrong_arguments_of_one_kind():
    y = [0, 0, 1, 1]
    with pytest.raises(ValueError, match="there are 4 labels, and one number in data"):
        balanced_batches((np.arange(4), 3.0), y)
    with pytest.raises(ValueError, match="negatives must be a whole number from 1 up, got 0"):
        triplet_batches(np.arange(4), y, negatives=0)
    with pytest.raises(ValueError, match="alike must be a probability, from 0 to 1, got 1.5"):
        pair_batches(np.arange(4), y, alike=1.5)
    with pytest.raises(ValueError, match="targets are two numbers, for unlike and alike"):
        pair_batches(np.arange(4), y, targets=(1.0,))


def test_one_class_is_enough_to_be_balanced():
    assert first_of(balanced_batches(np.arange(3), [1, 1, 1], seed=0)).shape == (32,)
