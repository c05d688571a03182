"""Every public nn class is checked against the real Torch7, documented, and in the table."""

import importlib.util
import inspect
import json
import zipfile
from pathlib import Path

import pytest

from graph import nn
from graph.nn.module import Module

ROOT = Path(__file__).parents[1]
CLASSES = [getattr(nn, name) for name in nn.__all__]
MODULES = [c for c in CLASSES if inspect.isclass(c) and issubclass(c, Module) and c.keras_name]

# Why a class has no golden case of its own. A reason that no longer holds fails a test.
EXEMPT = {
    "Decorator": "the base of DontCast, NaN and Profile, which have cases",
    "SpatialMaxUnpooling": "the golden Sequential SpatialMaxUnpooling_auto holds one",
    "VolumetricDilatedMaxPooling": "tests/graph/nn/test_pooling_kinds.py compares it with loops",
    "KerasLayer": "wraps a Keras layer; Torch has no such class",
    "ModuleFromCriterion": "tests/graph/test_nngraph.py compares it with the loss itself",
    "JustElement": "the golden model just_element_split1 uses it",
    "JustTable": "the golden model just_element_split1 uses its twin; tests/graph/test_nngraph.py",
}


def page():
    spec = importlib.util.spec_from_file_location("nn_table", ROOT / "docs" / "nn_table.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_in_the_docs_is_up_to_date():
    assert (ROOT / "docs" / "nn.md").read_text() == page().table(), "run docs/nn_table.py"


@pytest.mark.parametrize("cls", MODULES, ids=lambda c: c.__name__)
def test_every_module_has_a_golden_case_or_a_reason(cls):
    counts = page().golden_cases()
    count = sum(counts[name] for name in (cls.torch_name, *cls.torch_aliases))
    assert (count == 0) == (cls.__name__ in EXEMPT), f"{cls.__name__} has {count} golden cases"


def test_exemptions_are_of_public_classes():
    assert set(EXEMPT) <= {c.__name__ for c in MODULES}


@pytest.mark.parametrize("cls", MODULES, ids=lambda c: c.__name__)
def test_every_module_is_documented(cls):
    text = inspect.getdoc(cls) or ""
    assert "Reference:" in text or cls is nn.KerasLayer
    for name, parameter in inspect.signature(cls).parameters.items():
        written = f"*{name}" if parameter.kind is parameter.VAR_POSITIONAL else name
        assert f"{written}:" in text, f"{cls.__name__} does not document '{name}'"


def test_every_golden_class_has_a_counterpart():
    with zipfile.ZipFile(ROOT / "tests" / "oracle" / "torch7" / "layers.zip") as archive:
        names = [n for n in archive.namelist() if n.endswith("case.json")]
        used = {c for n in names for c in json.loads(archive.read(n))["classes"]}
    for name in sorted(used):
        assert issubclass(Module.for_torch(name), Module)
