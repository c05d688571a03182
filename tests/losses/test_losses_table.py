"""docs/losses.md is what the docstrings say, and they say all that its columns need."""

import importlib.util
import inspect
from pathlib import Path
from types import ModuleType

import keras
import pytest

import losses

ROOT = Path(__file__).parents[2]
LOSSES = [
    n
    for n in losses.__all__
    if inspect.isclass(c := getattr(losses, n)) and issubclass(c, keras.losses.Loss)
]


@pytest.fixture(scope="module")
def page() -> ModuleType:
    spec = importlib.util.spec_from_file_location("losses_table", ROOT / "docs" / "losses_table.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_in_the_docs_is_up_to_date(page):
    assert (ROOT / "docs" / "losses.md").read_text() == page.table(), "run docs/losses_table.py"


def test_every_public_name_is_on_a_page(page):
    text = page.table() + (ROOT / "docs" / "metrics.md").read_text()
    missing = [n for n in losses.__all__ if f"`{n}`" not in text and f"`{n}(" not in text]
    assert not missing


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_says_what_it_is_given(page, name):
    cells = next(
        text.split(" | ")
        for module in page.modules()
        for _, text in page.of_module(module)
        if f"`{name}(" in text.partition(" | ")[0]
    )
    assert all(cells[1:4]), f"{name} says not what it computes, or of what: {cells}"


def test_twins_are_read(page):
    text = """One.

References:
    A paper, 2015. Torch twin: `nn.A` and `nn.B` (`p=1`), A.lua.
    PyTorch twin: `C`, whose `d` differs. PML twins: the weights `W` of it.
"""
    assert page.twins(text) == "Torch `nn.A`, Torch `nn.B`, PyTorch `C`"
    assert page.reference(text) == "A paper, 2015"
