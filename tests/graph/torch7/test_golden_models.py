"""Whole models of the real Torch7 and nngraph: value, input gradient, parameter gradients."""

import pytest
from golden_torch7 import Case, cases, check

UNBATCHED = {
    "containers",
    "gmodule_linear_unbatched",
    "more_fun_unbatched",
    "two_in_two_out_unbatched",
}


@pytest.mark.parametrize("name", cases("models"))
def test_model(name, tmp_path):
    check(Case("models", name), tmp_path, batched=name not in UNBATCHED)
