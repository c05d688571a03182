import base64
import errno
import html
import json
import os
import re
import shutil
import subprocess

import keras
import numpy as np
import pytest
from sklearn.datasets import load_digits

import graph

DATA = load_digits()
X, Y = (DATA.images[:300, ..., None] / 16).astype("float32"), DATA.target[:300]
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(6, 3, activation="relu", name="conv1"),
            keras.layers.Flatten(),
            keras.layers.Dense(10, activation="softmax", name="fc"),
        ],
        name="digits>b",
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    folder = tmp_path_factory.mktemp("run")
    callback = graph.HTMLReport(folder / "new", (X[200:], Y[200:]))
    history = model.fit(X[:200], Y[:200], epochs=3, verbose=0, callbacks=[callback])
    return model, history, callback.path


def test_the_callback_leaves_one_page_with_everything(run):
    model, history, path = run
    page = path.read_text()
    assert [p.name for p in path.parent.iterdir()] == ["report.html"]
    assert "digits&gt;b" in page and "digits>b" not in page
    assert f'loss</h3><p><span class="key0">training: {history.history["loss"][-1]:.4g}' in (
        page.replace(" by epoch", "")
    )
    assert not re.findall(r"(?:src|href)=\"(?!data:)", page) and "http" not in page
    right = np.mean(model.predict(X[200:], verbose=0).argmax(1) == Y[200:])
    assert f"{right:.2%} of 100 samples right" in page


def test_the_confusion_matrix_counts(run):
    model, _, path = run
    said = model.predict(X[200:], verbose=0).argmax(1)
    table = re.search(r'<table class="matrix">(.*?)</table>', path.read_text()).group(1)
    rows = [re.findall(r"<td[^>]*>(\d*)</td>", row) for row in table.split("<tr>")[2:]]
    got = np.array([[int(c or 0) for c in row] for row in rows])
    want = [[np.sum((Y[200:] == i) & (said == j)) for j in range(10)] for i in range(10)]
    np.testing.assert_array_equal(got, want)


def test_the_worst_example_is_first_and_its_picture_is_the_image(run):
    import tensorflow as tf

    model, _, path = run
    scores = model.predict(X[200:], verbose=0)[np.arange(100), Y[200:]]
    worst = int(scores.argmin())
    part = path.read_text().split("Worst examples")[1]
    data, number = re.search(r'base64,([^"]+)" alt="sample (\d+)"', part).groups()
    assert int(number) == worst
    image = tf.io.decode_png(base64.b64decode(data)).numpy()
    np.testing.assert_array_equal(
        image, np.floor(X[200 + worst] / X[200 + worst].max() * 255 + 0.5)
    )


SHOWN = """<!doctype html><title>-</title><script>
const page = %s, shown = [];
for (const width of [390, 1440]) {
  const frame = document.createElement("iframe");
  frame.width = width; frame.height = 900; frame.srcdoc = page;
  frame.onload = () => {
    const inside = frame.contentDocument, images = [...inside.images];
    shown.push([width, images.length, images.filter(i => i.naturalWidth > 0).length,
      inside.querySelectorAll("svg path").length,
      inside.documentElement.scrollWidth <= frame.contentWindow.innerWidth,
      frame.contentWindow.getComputedStyle(inside.body).backgroundColor]);
    document.title = JSON.stringify(shown);
  };
  document.documentElement.append(frame);
}
</script>"""


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
@pytest.mark.parametrize(("scheme", "ground"), [(0, "rgb(18, 23, 29)"), (1, "rgb(246, 248, 250)")])
def test_a_browser_shows_it_without_an_error(run, tmp_path, scheme, ground):
    # The page has no script: one around it counts what came to be drawn, as wide as a phone and
    # as wide as a desktop, in the dark scheme (0) and in the light one.
    _, _, path = run
    around = tmp_path / "around.html"
    around.write_text(SHOWN % json.dumps(path.read_text()).replace("</", "<\\/"))
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--window-size=1500,900"]
    command += [f"--user-data-dir={tmp_path}/profile", "--enable-logging=stderr", "--dump-dom"]
    command += [f"--blink-settings=preferredColorScheme={scheme}", around.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90)
    title = html.unescape(re.search("<title>(.*?)</title>", done.stdout).group(1))
    shown = {row[0]: row[1:] for row in json.loads(title)}
    for width in (390, 1440):
        images, loaded, paths, fits, colour = shown[width]
        assert images == loaded == 17 and paths > 8 and fits and colour == ground, shown
    assert "CONSOLE" not in done.stderr


@pytest.mark.parametrize(
    ("history", "data", "options", "error", "message"),
    [
        (3, (X, Y), {}, TypeError, "history"),
        (None, X, {}, ValueError, "pair"),
        (None, (X, Y[:4]), {}, ValueError, "one a sample"),
        (None, (X, Y * 1.0), {}, ValueError, "float64"),
        (None, (X, Y + 1), {}, ValueError, "from 1 to 10"),
        (None, (X, Y), {"class_names": ["a"]}, ValueError, "1 class names for 10"),
    ],
)
def test_errors_leave_the_old_page(run, tmp_path, history, data, options, error, message):
    old = tmp_path / "old.html"
    old.write_text("old")
    with pytest.raises(error, match=message):
        graph.report(run[0], history, data, old, **options)
    assert old.read_text() == "old"


def classifier():
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(3, 3, name="conv1"),
            keras.layers.Flatten(),
            keras.layers.Dense(10, activation="softmax", name="fc"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def tensors(x, y):
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices((x, y)).batch(16)


ONE_HOT = np.eye(10, dtype="float32")


@pytest.mark.parametrize(
    ("loss", "given"),
    [
        ("sparse_categorical_crossentropy", {"validation_data": (X[200:], Y[200:])}),
        ("sparse_categorical_crossentropy", {"validation_data": (X[200:], Y[200:] * 1.0)}),
        ("categorical_crossentropy", {"validation_data": (X[200:], ONE_HOT[Y[200:]])}),
        ("sparse_categorical_crossentropy", {"validation_data": tensors(X[200:], Y[200:])}),
        ("sparse_categorical_crossentropy", {"validation_split": 1 / 3}),
    ],
)
def test_a_page_from_what_fit_knows(tmp_path, loss, given):
    model, split = classifier(), "validation_split" in given
    model.compile("adam", loss)
    x, y = (X, Y) if split else (X[:200], Y[:200])
    page = graph.HTMLReport(tmp_path)
    y = ONE_HOT[y] if loss == "categorical_crossentropy" else y
    model.fit(x, y, epochs=2, verbose=0, callbacks=[page], **given)
    right = np.mean(model.predict(X[200:], verbose=0).argmax(1) == Y[200:])
    text = page.path.read_text()
    assert f"{right:.2%} of 100 samples right" in text and "2 epochs" in text
    for part in (
        "Learning curves",
        "validation:",
        "Confusion",
        "Worst",
        "Filters",
        "Configuration",
    ):
        assert part in text


def test_the_page_is_rewritten_each_epoch_with_no_data_at_all(tmp_path):
    pages = []
    report = graph.HTMLReport(tmp_path / "run")
    note = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: pages.append(report.path.read_text())
    )
    history = classifier().fit(X, Y, epochs=3, verbose=0, callbacks=[report, note])
    assert len(set(pages)) == 3
    for number, page in enumerate(pages, 1):
        assert f"{number} epochs" in page and f"{number} of 3" in page
        assert f"training: {history.history['loss'][number - 1]:.4g}" in page
        assert "Filters" in page and "Layers" in page and "Configuration" in page
        assert "Confusion" not in page and "samples right" not in page


def test_validation_data_that_are_no_classes_or_used_up_are_left_out(tmp_path):
    def batches():
        while True:
            yield X[:20], Y[:20]

    page = graph.HTMLReport(tmp_path)
    classifier().fit(
        X, Y, verbose=0, validation_data=batches(), validation_steps=2, callbacks=[page]
    )
    assert "Confusion" not in page.path.read_text() and "validation:" in page.path.read_text()
    x = keras.Input((8, 8, 1))
    for targets, loss in ((X.sum((1, 2)), "mse"), ((Y > 4) * 1.0, "binary_crossentropy")):
        y = keras.layers.Dense(1, "sigmoid")(keras.layers.Flatten()(x))
        model = keras.Model(x, y)
        model.compile("sgd", loss)
        page = graph.HTMLReport(tmp_path)
        model.fit(X, targets, validation_data=(X, targets), verbose=0, callbacks=[page])
        text = page.path.read_text()
        assert ("Confusion" in text) == (loss == "binary_crossentropy")
    right = np.mean((model.predict(X, verbose=0)[:, 0] > 0.5) == (Y > 4))
    assert f"{right:.2%} of 300 samples right" in text


def test_a_subclassed_model_has_a_page(tmp_path):
    class Own(keras.Model):
        def __init__(self):
            super().__init__(name="own")
            self.conv = keras.layers.Conv2D(2, 3, name="conv")
            self.fc = keras.layers.Dense(10, "softmax", name="fc")

        def call(self, x):
            return self.fc(keras.ops.reshape(self.conv(x), (-1, 72)))

    model = Own()
    model.compile("sgd", "sparse_categorical_crossentropy")
    page = graph.HTMLReport(tmp_path)
    model.fit(X, Y, validation_data=(X, Y), verbose=0, callbacks=[page])
    text = page.path.read_text()
    assert "of 300 samples right" in text and "filters of conv" in text and "<td>fc</td>" in text


def test_a_full_disk_leaves_the_old_page(run, tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    old = tmp_path / "old.html"
    old.write_text("old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"No space left on device: '.*old\.html'"):
        graph.report(run[0], None, (X, Y), old)
    with pytest.raises(OSError, match=r"No space left on device: '.*f\.png'"):
        graph.pictures.filters(run[0], "conv1", path=tmp_path / "f.png")
    assert old.read_text() == "old" and os.listdir(tmp_path) == ["old.html"]
