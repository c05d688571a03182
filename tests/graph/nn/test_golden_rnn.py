"""The recurrent modules of Element-Research/rnn against the real Torch7."""

import pytest
from golden_torch7 import TimeMajor, cases, check

TIME_MAJOR = {"nn.Sequencer", "nn.SeqLSTM", "nn.SeqGRU"}


@pytest.mark.parametrize("name", cases("rnn"))
def test_rnn(name, tmp_path):
    case = TimeMajor("rnn", name)
    assert TIME_MAJOR & {*case.spec["classes"], case.spec["class"]} or case.spec["class"] in (
        "nn.BiSequencer",
    )
    check(case, tmp_path)
