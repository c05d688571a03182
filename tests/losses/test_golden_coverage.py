"""Every class of the golden families is tested against its cases, or there is a reason why not.

A test module of golden cases declares `COVERS = {family: set of classes}`, and what it leaves out
in `EXEMPT = {family: {class: reason}}`.
"""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from golden_losses import classes

FAMILIES = ("pml_losses", "rank_metrics", "tfa_losses", "tfa_metrics", "torch_losses")


def modules() -> list[ModuleType]:
    found = []
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        if path != Path(__file__) and "\nCOVERS" in path.read_text():
            spec = importlib.util.spec_from_file_location(f"covers_{path.stem}", path)
            assert spec is not None and spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            found.append(module)
    return found


@pytest.fixture(scope="module")
def covered() -> dict[str, set[str]]:
    return {f: set().union(*(m.COVERS.get(f, set()) for m in modules())) for f in FAMILIES}


@pytest.fixture(scope="module")
def exempt() -> dict[str, dict[str, str]]:
    tables: dict[str, dict[str, str]] = {family: {} for family in FAMILIES}
    for module in modules():
        for family, reasons in getattr(module, "EXEMPT", {}).items():
            tables[family] |= reasons
    return tables


@pytest.mark.parametrize("family", FAMILIES)
def test_every_class_is_tested_or_exempt(family, covered, exempt):
    missing = set(classes(family)) - covered[family] - set(exempt[family])
    assert not missing, f"no test module covers {sorted(missing)} of {family}"


@pytest.mark.parametrize("family", FAMILIES)
def test_no_exemption_is_stale(family, covered, exempt):
    assert not covered[family] & set(exempt[family]), "exempt, and yet covered"
    assert set(exempt[family]) <= set(classes(family)), "exempt, and there is no such class"
    assert covered[family] <= set(classes(family)), "covered, and there is no such class"
    assert all(len(reason) > 20 for reason in exempt[family].values())
