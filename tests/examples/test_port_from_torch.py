import re
import zipfile
from pathlib import Path

import numpy as np
import tensorflow as tf
from example_scripts import run_example

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "oracle" / "torch7" / "models.zip"


def run(folder, *arguments):
    return run_example("port_from_torch.py", folder, *arguments)


def test_every_step_answers_as_torch_did(tmp_path):
    done = run(tmp_path, "--out", "out")
    assert done.returncode == 0, done.stderr[-3000:]
    rows = re.findall(r"^(.+?) +(\S+e-?\d+) +(\S+e-?\d+) +[\d.]+$", done.stdout, re.M)
    assert [name.partition(",")[0] for name, _, _ in rows] == [
        *("the file", "the port", "its SavedModel", "back in a .t7")
    ]
    assert all(float(gap) < 1e-6 for _, *gaps in rows for gap in gaps)
    assert "with 16 tensors of the file" in done.stdout
    # Both sides of the port are shown.
    assert "nn.CAddTable()({nn.Linear(12, 12)(input)" in done.stdout
    assert "nn.CAddTable()([nn.Linear(12, 12)(input)" in done.stdout
    out = tmp_path / "out"
    assert (out / "lstm_cell.svg").exists() or (out / "lstm_cell.dot").exists()
    # The SavedModel against Torch's own tensors, without the script's word for it.
    serve = tf.saved_model.load(str(out / "saved_model")).signatures["serving_default"]
    with zipfile.ZipFile(GOLDEN) as archive:

        def tensor(name):
            with archive.open(f"lstm_cell/{name}.npy") as file:
                return np.load(file)

        names = ("xt", "prev_c", "prev_h")
        given = {name: tf.constant(tensor(f"input_{i}")) for i, name in enumerate(names)}
        answer = serve(**given)
        for i, name in enumerate(("next_c", "next_h")):
            np.testing.assert_allclose(answer[name], tensor(f"output_{i}"), rtol=1e-5, atol=1e-6)


def test_a_cell_that_answers_otherwise_fails(tmp_path):
    with zipfile.ZipFile(GOLDEN) as archive:
        archive.extractall(
            tmp_path, [name for name in archive.namelist() if name.startswith("lstm_cell/")]
        )
    folder = tmp_path / "lstm_cell"
    np.save(folder / "output_1.npy", np.load(folder / "output_1.npy") + 1e-3)
    done = run(tmp_path, "--golden", folder, "--out", "out")
    assert done.returncode == 1 and re.search(r"^the file, .* 1.0e-03 ", done.stdout, re.M)
