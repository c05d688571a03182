"""Miners against plain loops, and the drawing one against the distribution it promises."""

import numpy as np
import pytest
from keras import ops
from loss_gradient import value_and_grad

import losses

RNG = np.random.default_rng(11)
X = RNG.normal(size=(20, 3)).astype("float32")
Y = RNG.integers(0, 5, 20)
Y[0] = 9  # Alone in its class.
UNIT = X / np.linalg.norm(X, axis=1, keepdims=True)
D = np.linalg.norm(UNIT[:, None] - UNIT[None], axis=-1)


def parts(triplets):
    return [np.asarray(ops.convert_to_numpy(part)) for part in triplets]


@pytest.mark.parametrize("positive", ["easy", "hard", "semihard"])
@pytest.mark.parametrize("negative", ["easy", "hard", "semihard"])
def test_batch_easy_hard(positive, negative):
    if positive == negative == "semihard":
        return
    anchor, p, n, valid = parts(losses.batch_easy_hard(Y, X, positive, negative))
    np.testing.assert_array_equal(anchor, np.arange(20))
    for a in range(20):
        ps = [j for j in range(20) if j != a and Y[j] == Y[a]]
        ns = [j for j in range(20) if Y[j] != Y[a]]
        far = {"easy": max, "hard": min, "semihard": min}[negative]
        near = {"easy": min, "hard": max, "semihard": max}[positive]
        if positive == "semihard":
            chosen_n = far(ns, key=lambda j: D[a, j])
            ps = [j for j in ps if D[a, j] < D[a, chosen_n]]
        elif negative == "semihard" and ps:
            reach = D[a, near(ps, key=lambda j: D[a, j])]
            ns = [j for j in ns if D[a, j] > reach]
        assert valid[a] == bool(ps and ns)
        if valid[a]:
            assert p[a] == near(ps, key=lambda j: D[a, j])
            assert n[a] == far(ns, key=lambda j: D[a, j])


def test_batch_hard_and_semi_hard_are_kinds_of_it():
    for miner, negative in ((losses.batch_hard, "hard"), (losses.semi_hard, "semihard")):
        same = parts(losses.batch_easy_hard(Y, X, "hard", negative))
        np.testing.assert_array_equal(parts(miner(Y, X)), same)


def test_distance_weighted_draws_as_promised():
    seen = np.zeros((20, 20))
    draws = 600
    for seed in range(0, 2 * draws, 2):
        _, p, n, valid = parts(losses.distance_weighted(Y, X, seed))
        assert (Y[p] == Y)[valid].all() and (Y[n] != Y)[valid].all()
        assert (p != np.arange(20))[valid].all()
        seen[np.arange(20), n] += 1
    d = np.maximum(D, 0.5)
    weight = np.where((Y[:, None] != Y) & (d < 1.4), d**-1.0, 0)  # d = 3: D^(2 - 3), flat^0.
    for a in np.flatnonzero(valid):
        share = weight[a] / weight[a].sum()
        sigma = np.sqrt(share * (1 - share) / draws)
        assert (np.abs(seen[a] / draws - share) <= 5 * sigma + 1e-9).all()


def test_distance_weighted_is_seeded():
    ours = parts(losses.distance_weighted(Y, X, 3))
    np.testing.assert_array_equal(ours, parts(losses.distance_weighted(Y, X, 3)))
    assert any((parts(losses.distance_weighted(Y, X, s))[2] != ours[2]).any() for s in (4, 5))


def as_function(x):
    """A distance that is a matrix, in place of one that is formed of pairs."""
    return losses.LpDistance(normalize=False)(x)


def test_mined_triplets_by_hand_and_their_gradient():
    triplets = parts(losses.batch_hard(Y, X, "L2"))
    for swap in (False, True):
        terms = []
        for a, p, n, valid in zip(*triplets, strict=True):
            gap = np.linalg.norm(X[a] - X[n])
            gap = min(gap, np.linalg.norm(X[p] - X[n])) if swap else gap
            terms += [max(0, np.linalg.norm(X[a] - X[p]) - gap + 0.3)] if valid else []
        value, (gradient,) = value_and_grad(
            lambda x, s=swap: losses.mined_triplet(
                Y, x, triplets, 0.3, "L2", swap=s, reducer="mean"
            ),
            X,
        )
        assert float(value) == pytest.approx(np.mean(terms), rel=1e-5)
        _, (same,) = value_and_grad(
            lambda x, s=swap: losses.mined_triplet(
                Y, x, triplets, 0.3, as_function, swap=s, reducer="mean"
            ),
            X,
        )
        np.testing.assert_allclose(gradient, same, atol=1e-6)
