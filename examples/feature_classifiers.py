"""Deep features of digits into classical learners: trees, forests, boosting, logistic regression.

    python examples/feature_classifiers.py [--epochs 4] [--layer pool2] [--pooling avg]

A small convolutional network is trained on the 1,797 digits of scikit-learn; what one of its
layers answers becomes a matrix, on which scikit-learn's classifiers learn. The best on a
validation split of 5 % is judged on the test set.
"""

from __future__ import annotations

import argparse
import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from sklearn.datasets import load_digits
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

import graph


def network() -> keras.Model:
    """Two convolutions and a dense layer over 8 x 8 pixels."""
    image = keras.Input((8, 8, 1), name="image")
    y = keras.layers.Conv2D(16, 3, padding="same", activation="relu", name="conv1")(image)
    y = keras.layers.MaxPooling2D(name="pool1")(y)
    y = keras.layers.Conv2D(32, 3, padding="same", activation="relu", name="conv2")(y)
    y = keras.layers.MaxPooling2D(name="pool2")(y)
    y = keras.layers.Dense(32, activation="relu", name="hidden")(keras.layers.Flatten()(y))
    return keras.Model(image, keras.layers.Dense(10, "softmax", name="digit")(y), name="digits")


def classifiers(seed: int) -> dict[str, object]:
    """The learners, by name."""
    return {
        "boosted trees": HistGradientBoostingClassifier(max_iter=40, random_state=seed),
        "random forest": RandomForestClassifier(200, random_state=seed),
        "decision tree": DecisionTreeClassifier(random_state=seed),
        "logistic regression": make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
    }


def main() -> int:
    """Run it; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=8, help="passes over the training set")
    parser.add_argument("--layer", default="pool2", help="whose outputs are the features")
    parser.add_argument("--pooling", choices=["avg", "max"], help="over places; default: flatten")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    keras.utils.set_random_seed(options.seed)

    digits = load_digits()
    x, y = (digits.images[..., None] / 16).astype("float32"), digits.target
    rest_x, test_x, rest_y, test_y = train_test_split(
        x, y, test_size=0.25, stratify=y, random_state=options.seed
    )
    train_x, valid_x, train_y, valid_y = train_test_split(
        rest_x, rest_y, test_size=0.05, stratify=rest_y, random_state=options.seed
    )
    model = network()
    model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    model.fit(train_x, train_y, batch_size=32, epochs=options.epochs, verbose=0)

    train, valid, test = (
        graph.features(model, part, options.layer, pooling=options.pooling)
        for part in (train_x, valid_x, test_x)
    )
    print(f"{len(train)} digits, {train.shape[1]} features from '{options.layer}'")
    print(f"\n{'classifier':<22}{'seconds':>9}{'validation':>12}{'test':>8}")
    scores = {}
    for name, classifier in classifiers(options.seed).items():
        start = time.perf_counter()
        classifier.fit(train, train_y)
        seconds = time.perf_counter() - start
        scores[name] = (classifier.score(valid, valid_y), classifier.score(test, test_y))
        print(f"{name:<22}{seconds:>9.2f}{scores[name][0]:>12.1%}{scores[name][1]:>8.1%}")
    own = np.mean(model.predict(test_x, verbose=0).argmax(-1) == test_y)
    print(f"{'(the network itself)':<22}{'':>21}{own:>8.1%}")
    best = max(scores, key=lambda name: scores[name][0])
    print(f"\nbest on the {len(valid)} validation digits: {best}; on the test set: ", end="")
    print(f"{scores[best][1]:.1%}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
