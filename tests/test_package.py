"""What is shipped: the wheel's contents, and nothing in the repository that must not be there."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("graph", "losses", "zoo")
MEGABYTE = 1_000_000

# Written so that no pattern matches its own text.
HOSTS = re.compile(
    r"pypi[.]org|python[h]osted|npmj[s][.](?:com|org)|yarnpkg[.]com|deb[.]debian[.]org"
    r"|proxy[.]golang|crates[.]io|anaconda[.]org|--(?:extra-)?index-ur[l]|--find-link[s]"
)
MACHINE_PATHS = re.compile(r"(?<![\w.}>-])/(?:work|root|opt|home/\w+)/\w")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The names inside the wheel, built by the backend itself: nothing is downloaded."""
    folder = tmp_path_factory.mktemp("wheel")
    code = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
    run = subprocess.run(
        [sys.executable, "-c", code, str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


def test_wheel_holds_the_packages_and_nothing_else(wheel):
    tops = {name.partition("/")[0] for name in wheel}
    (info,) = [top for top in tops if top.endswith(".dist-info")]
    assert tops == {*PACKAGES, info}
    assert f"{info}/licenses/LICENSE" in wheel


def test_wheel_holds_every_source_file(wheel):
    sources = {
        path.relative_to(ROOT).as_posix()
        for name in PACKAGES
        for path in (ROOT / name).rglob("*.py")
    }
    assert sources <= set(wheel)


def test_wheel_says_that_it_is_typed(wheel):
    assert {f"{name}/py.typed" for name in PACKAGES} <= set(wheel)


def committed() -> list[Path]:
    """The files that git tracks, or would after `git add --all`."""
    run = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    return [path for name in run.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def test_no_file_is_large():
    assert not [p for p in committed() if p.stat().st_size > 10 * MEGABYTE]


def test_no_file_names_a_package_host_or_a_path_of_one_machine():
    found = []
    for path in committed():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if match := HOSTS.search(line) or MACHINE_PATHS.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {match[0]}")
    assert not found


def test_no_lock_file_is_committed():
    assert not [p for p in committed() if p.name in ("uv.lock", "poetry.lock", "Pipfile.lock")]


def test_pins_are_exact_and_name_no_place():
    for name in ("constraints.txt", "constraints-backends.txt", "constraints-lowest.txt"):
        for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
            if not line.startswith("#"):
                assert re.fullmatch(r"[\w.-]+==[\w.]+(?: ; .+)?", line), f"{name}: {line}"


def test_lowest_pins_are_the_lower_bounds():
    """Every `name>=version` of pyproject.toml is in constraints-lowest.txt, and nothing else is."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    bounds = set(re.findall(r'"([\w-]+)(?:\[[\w-]+\])?>=([\w.]+)"', text))
    lines = (ROOT / "constraints-lowest.txt").read_text(encoding="utf-8").splitlines()
    assert {tuple(line.split("==")) for line in lines if not line.startswith("#")} == bounds


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("https://pypi" + ".org/simple", HOSTS),
        ("pip install --index" + "-url x", HOSTS),
        ("see /wo" + "rk/main", MACHINE_PATHS),
        ('open("/ro' + 'ot/x")', MACHINE_PATHS),
    ],
)
def test_the_patterns_catch(text, pattern):
    assert pattern.search(text)


@pytest.mark.parametrize("text", ["framework/x", "../work/x", "https://example.org/work/x"])
def test_the_patterns_spare(text):
    assert not MACHINE_PATHS.search(text)
