"""The runtimes of `benchmarks.serving`: each loads its file and answers one request."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.paired import threads
from benchmarks.side import Step

__all__ = ["litert", "onnxruntime", "saved_model"]


def _request(folder: str) -> np.ndarray:
    return np.load(Path(folder, "request.npy"))


def saved_model(folder: str) -> Step:
    """TensorFlow alone, without Keras or this package."""
    import tensorflow as tf

    loaded = tf.saved_model.load(str(Path(folder, "saved_model")))
    serve = loaded.signatures["serving_default"]
    (name,) = serve.structured_input_signature[1]
    x = _request(folder)

    def call() -> np.ndarray:
        (output,) = serve(**{name: tf.constant(x)}).values()
        return output.numpy()

    return Step(call, call)


def litert(folder: str) -> Step:
    """LiteRT, which uses one thread unless it is told of more."""
    from ai_edge_litert.interpreter import Interpreter

    path = str(Path(folder, "model.tflite"))
    interpreter = Interpreter(path, num_threads=threads())
    interpreter.allocate_tensors()
    entry = interpreter.get_input_details()[0]["index"]
    result = interpreter.get_output_details()[0]["index"]
    x = _request(folder)

    def call() -> np.ndarray:
        interpreter.set_tensor(entry, x)
        interpreter.invoke()
        return interpreter.get_tensor(result)

    return Step(call, call)


def onnxruntime(folder: str) -> Step:
    """ONNX Runtime."""
    import onnxruntime as runtime

    path = str(Path(folder, "model.onnx"))
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads()
    session = runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    x = _request(folder)

    def call() -> np.ndarray:
        return session.run(None, {name: x})[0]

    return Step(call, call)
