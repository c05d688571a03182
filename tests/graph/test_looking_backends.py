"""Looking inside on JAX and PyTorch gives what it gives on TensorFlow."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).parent


def look(backend):
    environment = {**os.environ, "KERAS_BACKEND": backend}
    path = [str(HERE.parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment["PYTHONPATH"] = os.pathsep.join(path)
    done = subprocess.run(
        [sys.executable, str(HERE / "looking_on_a_backend.py")],
        capture_output=True,
        text=True,
        timeout=300,
        env=environment,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_the_same_as_on_tensorflow(backend):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    got, want = look(backend), look("tensorflow")
    assert list(got) == list(want)
    for name, value in want.items():
        if isinstance(got[name], str):
            continue
        if name in ("table", "pictures", "page"):
            assert got[name] == value, name
            continue
        ours, theirs = ([v] if name != "slopes" else v for v in (got[name], value))
        for one, other in zip(ours, theirs, strict=True):
            one, other = (np.array(v, "float64") for v in (one, other))
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5, err_msg=name)
    refused = {name for name, value in got.items() if isinstance(value, str)}
    assert refused == ({"callback"} if backend == "torch" else {"callback", "slopes"})
    assert "writes with TensorFlow; Keras runs on" in got["callback"]
    if backend == "jax":
        assert "needs Keras on TensorFlow or PyTorch, and the backend is 'jax'" in got["slopes"]
