"""Every nn module against the real Torch7: value, input gradient, parameter gradients."""

import pytest
from golden_torch7 import UNBATCHED, Case, cases, check

# Not in reach of this test, with the reason and the test that takes its place.
ELSEWHERE = {
    # Its file does not hold the random numbers of its regions.
    "SpatialFractionalMaxPooling": "test_fractional_pooling.py",
    # One of Torch's weight gradients is itself farther from the exact one than the tolerance.
    "SpatialDilatedConvolution": "test_convolution_sides.py",
}

# Torch7 itself is wrong here: it subtracts the means of other rows from a batch of several.
TORCH7_BUGS = {"LayerNormalization", "LayerNormalization_eps"}


@pytest.mark.parametrize("name", sorted(set(cases("layers")) - set(ELSEWHERE) - TORCH7_BUGS))
def test_layer(name, tmp_path):
    check(Case("layers", name), tmp_path, batched=False if name in UNBATCHED else None)


@pytest.mark.parametrize("name", sorted(TORCH7_BUGS))
def test_torch7s_own_bugs_are_not_repeated(name, tmp_path):
    with pytest.raises(AssertionError, match="output"):
        check(Case("layers", name), tmp_path)
