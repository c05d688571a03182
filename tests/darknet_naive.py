"""Darknet by plain loops: forward passes, `.weights` files and random networks for the tests.

A network is a list of ``(kind, options)`` with ``("net", ...)`` first, as in a ``.cfg`` file. Maps
are ``(batch, planes, height, width)``, plain values ``(batch, count)``, as Darknet keeps them.
"""

import math
import struct

import numpy as np
from hypothesis import strategies as st

ACTIVATIONS = {
    "linear": lambda x: x,
    "logistic": lambda x: 1 / (1 + math.exp(-x)),
    "loggy": lambda x: 2 / (1 + math.exp(-x)) - 1,
    "relu": lambda x: x if x > 0 else 0.0,
    "elu": lambda x: x if x >= 0 else math.exp(x) - 1,
    "selu": lambda x: 1.0507 * x if x >= 0 else 1.0507 * 1.6732 * (math.exp(x) - 1),
    "relie": lambda x: x if x > 0 else 0.01 * x,
    "ramp": lambda x: (x if x > 0 else 0.0) + 0.1 * x,
    "leaky": lambda x: x if x > 0 else 0.1 * x,
    "tanh": math.tanh,
    "plse": lambda x: 0.01 * (x + 4) if x < -4 else 0.01 * (x - 4) + 1 if x > 4 else x / 8 + 0.5,
    "hardtan": lambda x: max(-1.0, min(1.0, x)),
    "lhtan": lambda x: 0.001 * x if x < 0 else 0.001 * (x - 1) + 1 if x > 1 else x,
    "stair": lambda x: (
        math.floor(x / 2) if math.floor(x) % 2 == 0 else x - math.floor(x) + math.floor(x / 2)
    ),
}


def cfg_text(network):
    """The network as a `.cfg` file."""
    return "\n\n".join(
        "\n".join([f"[{kind}]", *(f"{key}={value}" for key, value in options.items())])
        for kind, options in network
    )


def shapes(network):
    """The shape of one sample before each section and after the last."""
    net = network[0][1]
    found = [(net["channels"], net["height"], net["width"])]
    for kind, o in network[1:]:
        found.append(_shape(kind, o, found))
    return found


def _shape(kind, o, found):
    x = found[-1]
    size, stride = o.get("size", 1), o.get("stride", 1)
    if kind == "convolutional":
        pad = size // 2 if o.get("pad") else o.get("padding", 0)
        return (o["filters"], *((s + 2 * pad - size) // stride + 1 for s in x[1:]))
    if kind == "maxpool":
        return (x[0], *((s + o.get("padding", size - 1) - size) // stride + 1 for s in x[1:]))
    if kind == "connected":
        return (o["output"],)
    if kind == "avgpool":
        return (x[0],)
    if kind == "route":
        parts = [found[1:][i] for i in _layers(o["layers"], len(found) - 1)]
        if all(len(p) == 3 and p[1:] == parts[0][1:] for p in parts):
            return (sum(p[0] for p in parts), *parts[0][1:])
        return (sum(math.prod(p) for p in parts),)
    if kind == "upsample":
        return (x[0], x[1] * stride, x[2] * stride)
    if kind == "reorg":
        if o.get("reverse"):
            return (x[0] // stride**2, x[1] * stride, x[2] * stride)
        return (x[0] * stride**2, x[1] // stride, x[2] // stride)
    if kind == "crop":
        return (x[0], o["crop_height"], o["crop_width"])
    if kind == "softmax":
        return (math.prod(x),)
    return x


def _layers(text, here):
    return [int(i) + (here if int(i) < 0 else 0) for i in str(text).split(",")]


def random_weights(network, seed):
    """For each section its arrays by Darknet's names, in the order of the file."""
    rng = np.random.default_rng(seed)
    every = []
    for (kind, o), shape in zip(network[1:], shapes(network), strict=False):
        if kind == "convolutional":
            n, size = o["filters"], o.get("size", 1)
            kernel = (n, shape[0] // o.get("groups", 1), size, size)
        elif kind == "connected":
            n = o["output"]
            kernel = (n, math.prod(shape))
        elif kind == "batchnorm":
            n, kernel = shape[0], None
        else:
            every.append({})
            continue
        norm = {
            "scales": rng.uniform(0.5, 1.5, n),
            "rolling_mean": rng.normal(0, 0.3, n),
            "rolling_variance": rng.uniform(0.2, 2, n),
        }
        tiny = np.arange(n) % 4 == 3  # Where the place of epsilon shows.
        norm["rolling_variance"][tiny] *= 1e-10
        norm["scales"][tiny] *= 1e-5
        arrays = {}
        if kernel:
            biases = {"biases": rng.normal(0, 0.3, n)}
            scale = math.sqrt(2 / math.prod(kernel[1:]))
            weights = {"weights": rng.normal(0, scale, kernel)}
            norm = norm if o.get("batch_normalize") else {}
            order = (biases, norm, weights) if kind == "convolutional" else (biases, weights, norm)
            for part in order:
                arrays |= part
        else:
            arrays = norm
        every.append({name: a.astype("float32") for name, a in arrays.items()})
    return every


def write_weights(path, every, *, version=(0, 2, 0), seen=12345):
    """A `.weights` file; above version 1000 the weights of connected layers lie transposed."""
    major, minor, _ = version
    is_new = major * 10 + minor >= 2 and major < 1000 and minor < 1000
    with path.open("wb") as stream:
        stream.write(struct.pack("<3i" + ("q" if is_new else "i"), *version, seen))
        for arrays in every:
            for name, array in arrays.items():
                turned = name == "weights" and array.ndim == 2 and max(major, minor) > 1000
                stream.write((array.T if turned else array).astype("<f4").tobytes())


def forward(network, every, x):
    """The output of each section for images `x`, in double precision."""
    x = x.astype("float64")
    outputs = []
    for (kind, options), arrays in zip(network[1:], every, strict=True):
        arrays = {name: a.astype("float64") for name, a in arrays.items()}
        x = _SECTIONS[kind](x, options, arrays, outputs)
        outputs.append(x)
    return outputs


def _activated(x, name):
    return np.vectorize(ACTIVATIONS[name], otypes=["float64"])(x) if x.size else x


def _normalised(x, w):
    shape = (1, -1) + (1,) * (x.ndim - 2)
    mean, spread = w["rolling_mean"], np.sqrt(w["rolling_variance"]) + 1e-6
    return (x - mean.reshape(shape)) / spread.reshape(shape) * w["scales"].reshape(shape)


def _biased(x, w):
    return x + w["biases"].reshape((1, -1) + (1,) * (x.ndim - 2))


def _weighted(x, o, w):
    if o.get("batch_normalize"):
        x = _normalised(x, w)
    return _activated(_biased(x, w), o["activation"])


def _convolutional(x, o, w, _):
    kernel = w["weights"]
    filters, planes, size, _ = kernel.shape
    stride = o.get("stride", 1)
    pad = size // 2 if o.get("pad") else o.get("padding", 0)
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    rows, columns = ((s - size) // stride + 1 for s in x.shape[2:])
    y = np.zeros((len(x), filters, rows, columns))
    for f in range(filters):
        first = f // (filters // o.get("groups", 1)) * planes
        for i in range(rows):
            for j in range(columns):
                top, left = i * stride, j * stride
                part = x[:, first : first + planes, top : top + size, left : left + size]
                y[:, f, i, j] = (part * kernel[f]).sum((1, 2, 3))
    return _weighted(y, o, w)


def _connected(x, o, w, _):
    return _weighted(x.reshape(len(x), -1) @ w["weights"].T, o, w)


def _maxpool(x, o, w, _):
    size, stride = o["size"], o.get("stride", 1)
    padding = o.get("padding", size - 1)
    rows, columns = ((s + padding - size) // stride + 1 for s in x.shape[2:])
    y = np.zeros((*x.shape[:2], rows, columns))
    for i in range(rows):
        for j in range(columns):
            top, left = i * stride - padding // 2, j * stride - padding // 2
            part = x[:, :, max(top, 0) : top + size, max(left, 0) : left + size]
            y[:, :, i, j] = part.max((2, 3))
    return y


def _softmax(x, o, w, _):
    x = x.reshape(len(x), o.get("groups", 1), -1) / o.get("temperature", 1)
    e = np.exp(x - x.max(-1, keepdims=True))
    return (e / e.sum(-1, keepdims=True)).reshape(len(x), -1)


def _shortcut(x, o, w, outputs):
    (index,) = _layers(o["from"], len(outputs))
    y, out = outputs[index], x.copy()
    (c1, h1, w1), (c2, h2, w2) = y.shape[1:], x.shape[1:]
    stride, sample = max(w1 // w2, 1), max(w2 // w1, 1)
    for k in range(min(c1, c2)):
        for j in range(min(h1, h2)):
            for i in range(min(w1, w2)):
                place = (slice(None), k, j * sample, i * sample)
                added = y[:, k, j * stride, i * stride]
                out[place] = o.get("alpha", 1) * out[place] + o.get("beta", 1) * added
    return _activated(out, o.get("activation", "linear"))


def _route(x, o, w, outputs):
    parts = [outputs[i] for i in _layers(o["layers"], len(outputs))]
    if all(p.ndim == 4 and p.shape[2:] == parts[0].shape[2:] for p in parts):
        return np.concatenate(parts, 1)
    return np.concatenate([p.reshape(len(p), -1) for p in parts], 1)


def _reorg(x, o, w, _):
    s = o["stride"]
    batch, c, height, width = x.shape
    few = c // s**2
    memory, out = x.reshape(batch, -1), np.zeros((batch, x[0].size))
    for k in range(c):
        for j in range(height):
            for i in range(width):
                small = i + width * (j + height * k)
                offset = k // few
                column, row = i * s + offset % s, j * s + offset // s
                large = column + width * s * (row + height * s * (k % few))
                if o.get("reverse"):
                    out[:, large] = memory[:, small]
                else:
                    out[:, small] = memory[:, large]
    shape = _shape("reorg", o, [(c, height, width)])
    return out.reshape(batch, *shape)


def _crop(x, o, w, _):
    rows, columns = o["crop_height"], o["crop_width"]
    top, left = (x.shape[2] - rows) // 2, (x.shape[3] - columns) // 2
    x = x[:, :, top : top + rows, left : left + columns]
    return x if o.get("noadjust") else x * 2 - 1


def _normalization(x, o, w, _):
    size, alpha, beta, kappa = o["size"], o["alpha"], o["beta"], o["kappa"]
    squared, norms = x**2, np.zeros_like(x)
    norms[:, 0] = kappa
    for k in range(size // 2):
        norms[:, 0] += alpha * squared[:, k]
    for k in range(1, x.shape[1]):
        norms[:, k] = norms[:, k - 1]
        before, after = k - (size - 1) // 2 - 1, k + size // 2
        if before >= 0:
            norms[:, k] -= alpha * squared[:, before]
        if after < x.shape[1]:
            norms[:, k] += alpha * squared[:, after]
    return x * norms**-beta


_SECTIONS = {
    "convolutional": _convolutional,
    "connected": _connected,
    "maxpool": _maxpool,
    "avgpool": lambda x, o, w, _: x.mean((2, 3)),
    "dropout": lambda x, o, w, _: x,
    "softmax": _softmax,
    "shortcut": _shortcut,
    "route": _route,
    "upsample": lambda x, o, w, _: (
        x.repeat(o["stride"], 2).repeat(o["stride"], 3) * o.get("scale", 1)
    ),
    "reorg": _reorg,
    "crop": _crop,
    "normalization": _normalization,
    "batchnorm": lambda x, o, w, _: _normalised(x, w),
    "activation": lambda x, o, w, _: _activated(x, o["activation"]),
    "logistic": lambda x, o, w, _: _activated(x, "logistic"),
    "l2norm": lambda x, o, w, _: x / np.sqrt((x**2).sum(1, keepdims=True)),
}


# -- random networks ------------------------------------------------------------------------------

# Of stair, a value next to a step may fall on either side of it in float32.
_SMOOTH = sorted(set(ACTIVATIONS) - {"stair"})


@st.composite
def networks(draw, most=7):
    """A network of at most `most` sections, each reading what comes before it."""

    def one(low, high):
        return draw(st.integers(low, high))

    net = {"batch": 2, "height": one(4, 11), "width": one(4, 11), "channels": one(1, 4)}
    network = [("net", net)]
    if one(0, 5) == 0:
        crop = {"crop_height": one(3, net["height"]), "crop_width": one(3, net["width"])}
        network.append(("crop", {**crop, "noadjust": one(0, 1)}))
    for _ in range(one(1, most)):
        shape = shapes(network)[-1]
        kinds = _MAPS if len(shape) == 3 else _FLAT
        section = _DRAW[draw(st.sampled_from(kinds))](one, draw, shape, network)
        network.append(section or ("activation", {"activation": "tanh"}))
    if draw(st.booleans()):
        count = math.prod(shapes(network)[-1])
        groups = draw(st.sampled_from([g for g in (1, 2, 3) if count % g == 0]))
        temperature = draw(st.sampled_from([1, 0.5, 2]))
        network.append(("softmax", {"groups": groups, "temperature": temperature}))
    return network


def _draw_convolutional(one, draw, shape, network):
    size = one(1, 5)
    padding = draw(st.sampled_from(["pad", "padding"]))
    pad = one(0, 1) if padding == "pad" else one(0, 2)
    total = 2 * (size // 2 if padding == "pad" and pad else pad if padding == "padding" else 0)
    size = min(size, min(shape[1:]) + total)
    if padding == "pad" and pad:
        size = min(size, min(shape[1:]))
    groups = draw(st.sampled_from([g for g in (1, 2, 3) if shape[0] % g == 0]))
    return "convolutional", {
        "batch_normalize": one(0, 1),
        "filters": groups * one(1, 3),
        "size": size,
        "stride": one(1, 3),
        padding: pad,
        **({"groups": groups} if groups > 1 else {}),
        "activation": draw(st.sampled_from(_SMOOTH)),
    }


def _draw_connected(one, draw, shape, network):
    activation = draw(st.sampled_from(_SMOOTH))
    return "connected", {
        "output": one(1, 8),
        "batch_normalize": one(0, 1),
        "activation": activation,
    }


def _draw_maxpool(one, draw, shape, network):
    size = one(1, 4)
    options = {"size": size, "stride": one(1, 3)}
    if draw(st.booleans()):
        options["padding"] = one(0, 2 * (size - 1))
    if min(shape[1:]) + options.get("padding", size - 1) < size:
        options.pop("padding")
    return "maxpool", options


def _draw_shortcut(one, draw, shape, network):
    fitting = [
        i
        for i, s in enumerate(shapes(network)[1:])
        if len(s) == 3
        and (s[2] // shape[2], shape[2] // s[2]) == (s[1] // shape[1], shape[1] // s[1])
    ]
    if not fitting:
        return None
    index = draw(st.sampled_from(fitting)) - draw(st.sampled_from([0, len(network) - 1]))
    options = {"from": index, "activation": draw(st.sampled_from(_SMOOTH))}
    if draw(st.booleans()):
        options |= {"alpha": 0.5, "beta": -1.5}
    return "shortcut", options


def _draw_route(one, draw, shape, network):
    here = len(network) - 1
    if not here:
        return None
    others = [one(0, here - 1) - here * one(0, 1) for _ in range(one(0, 2))]
    return "route", {"layers": ",".join(map(str, [-1, *others]))}


def _draw_reorg(one, draw, shape, network):
    stride = one(1, 2)
    fits = shape[0] % stride**2 == 0
    forward = fits and shape[1] % stride == 0 and shape[2] % stride == 0
    if not fits:
        return None
    return "reorg", {"stride": stride, "reverse": 0 if forward and one(0, 1) else 1}


def _draw_normalization(one, draw, shape, network):
    sizes = {"size": one(1, min(2 * shape[0] - 1, 6))}
    return "normalization", {**sizes, "alpha": 0.02, "beta": 0.75, "kappa": one(1, 2)}


_DRAW = {
    "convolutional": _draw_convolutional,
    "connected": _draw_connected,
    "maxpool": _draw_maxpool,
    "shortcut": _draw_shortcut,
    "route": _draw_route,
    "reorg": _draw_reorg,
    "normalization": _draw_normalization,
    "avgpool": lambda *_: ("avgpool", {}),
    # Darknet itself crashes where there is no layer before.
    "dropout": lambda one, draw, shape, network: (
        ("dropout", {"probability": 0.5}) if len(network) > 1 else None
    ),
    "upsample": lambda one, *_: ("upsample", {"stride": one(1, 2), "scale": one(1, 2)}),
    "batchnorm": lambda *_: ("batchnorm", {}),
    "activation": lambda one, draw, *_: (
        "activation",
        {"activation": draw(st.sampled_from(_SMOOTH))},
    ),
    "logistic": lambda *_: ("logistic", {}),
    "l2norm": lambda *_: ("l2norm", {}),
}
_MAPS = ["convolutional"] * 6 + ["maxpool"] * 2 + sorted(set(_DRAW) - {"convolutional"})
_FLAT = ["connected", "connected", "dropout", "activation", "logistic", "route"]
