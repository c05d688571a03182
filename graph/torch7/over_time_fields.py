"""The fields of the containers of rnn and of its modules for whole sequences."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .recurrent_steps import recurrent, sequencer
from .types import TorchObject

if TYPE_CHECKING:
    from .module_writer import ModuleWriter

__all__ = ["OVER_TIME"]


def _sequencer(m: Any, writer: ModuleWriter, path: str) -> dict[str, Any]:
    return sequencer(writer.blank, _step(m, 0, writer, path)).fields


def _bi_sequencer(m: Any, writer: ModuleWriter, path: str) -> dict[str, Any]:
    blank = writer.blank
    ahead, back, merge = (_step(m, i, writer, path) for i in range(3))
    forward, backward, merging = (sequencer(blank, step) for step in (ahead, back, merge))
    turned = blank.sequential(blank.make("ReverseTable"), backward, blank.make("ReverseTable"))
    both = blank.make("ConcatTable", modules=(forward, turned))
    whole = blank.sequential(both, blank.make("ZipTable"), merging)
    return {
        **{"forwardModule": ahead, "backwardModule": back, "mergeModule": merge},
        **{"fwdSeq": forward, "bwdSeq": backward, "mergeSeq": merging},
        **{"module": whole, "modules": [whole]},
    }


def _recursor(m: Any, writer: ModuleWriter, path: str) -> dict[str, Any]:
    child = _step(m, 0, writer, path)
    return recurrent(child, 9999999, module=child, modules=[child])


def _recurrence(m: Any, writer: ModuleWriter, path: str) -> dict[str, Any]:
    child = _step(m, 0, writer, path)
    size = {"outputSize": [m.outputSize], "nInputDim": 1}
    return recurrent(child, 9999, module=child, modules=[child], **size)


def _recurrent(m: Any, writer: ModuleWriter, path: str) -> dict[str, Any]:
    blank = writer.blank
    start, enter, feedback, transfer, merge = (_step(m, i, writer, path) for i in range(5))
    both = blank.make("ParallelTable", modules=(enter, feedback))
    step = blank.sequential(both, merge, transfer)
    first = (writer.again(m.modules[i], f"{path}.{i + 1}", in_step=True) for i in (1, 3))
    entered, transferred = first
    return recurrent(
        step,
        99999,
        **{"startModule": start, "inputModule": enter, "feedbackModule": feedback},
        **{"transferModule": transfer, "mergeModule": merge},
        initialModule=blank.sequential(entered, start, transferred),
        modules=[start, enter, feedback, transfer, merge],
    )


def _step(m: Any, index: int, writer: ModuleWriter, path: str) -> TorchObject:
    return writer.convert(m.modules[index], f"{path}.{index + 1}", in_step=True)


OVER_TIME: dict[str, Callable[[Any, ModuleWriter, str], dict[str, Any]]] = {
    "Sequencer": _sequencer,
    "BiSequencer": _bi_sequencer,
    "Recursor": _recursor,
    "Recurrence": _recurrence,
    "Recurrent": _recurrent,
}
"""Class -> its fields."""
