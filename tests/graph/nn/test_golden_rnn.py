"""The recurrent modules of Element-Research/rnn against the real Torch7."""

import numpy as np
import pytest
from golden_torch7 import Case, cases, check

TIME_MAJOR = {"nn.Sequencer", "nn.SeqLSTM", "nn.SeqGRU"}


class TimeMajor(Case):
    """A case whose tensors are time x batch in Torch; ours are batch x time.

    The swap is of the first two axes, of inputs and of outputs that still have a time axis.
    """

    time_major = True
    batchfirst = False

    def model(self, folder):
        model = super().model(folder)
        self.batchfirst = bool(model.fields.get("batchfirst"))
        return model

    def arrays(self, key):
        values = super().arrays(key)
        named = key in ("input", "gradInput") or key in ("output", "gradOutput")
        if not named or not isinstance(values, np.ndarray) or self.batchfirst:
            return values
        timed = key in ("input", "gradInput") or values.ndim > 2
        return values.swapaxes(0, 1) if timed else values


@pytest.mark.parametrize("name", cases("rnn"))
def test_rnn(name, tmp_path):
    case = TimeMajor("rnn", name)
    assert TIME_MAJOR & {*case.spec["classes"], case.spec["class"]} or case.spec["class"] in (
        "nn.BiSequencer",
    )
    check(case, tmp_path)
