"""What two Torch objects differ in, beside what the real Torch7 leaves behind when it is fed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from graph.torch7 import TorchObject, TorchStorage, table_items

# What Torch7 writes down when a module is fed (empty in a new one), or how often it was.
FED = {
    "nn.Add": {"_ones"},
    "nn.Bottle": {"inShape", "outShape"},
    "nn.Concat": {"outputSize"},
    "nn.Convert": {"converter", "modules"},
    "nn.DepthConcat": {"outputSize"},
    "nn.FastLSTM": {"cell", "nSharedClone", "step"},
    "nn.FlattenTable": {"input_map"},
    "nn.JoinTable": {"size"},
    "nn.LookupTable": {"copiedInput"},
    "nn.MixtureTable": {"batchSize", "size", "size2", "table"},
    "nn.Padding": {"outputSize"},
    "nn.Parallel": {"totalOutputSize"},
    "nn.Profile": {"numBwds", "numFwds", "summedBwdTime", "summedFwdTime"},
    "nn.Reshape": {"batchsize"},
    "nn.SparseLinear": {"formatted_input"},
    "nn.SpatialDilatedMaxPooling": {"iheight", "iwidth"},
    "nn.SpatialMaxPooling": {"iheight", "iwidth"},
    "nn.SpatialMaxUnpooling": {"oheight", "owidth"},
    "nn.SpatialSubtractiveNormalization": {"_inpsz"},
    "nn.SpatialUpSamplingBilinear": {"inputSize", "outputSize"},
    "nn.SpatialUpSamplingNearest": {"inputSize", "outputSize"},
    "nn.UpSampling": {"inputSize", "outputSize"},
    "nn.VolumetricMaxPooling": {"iheight", "itime", "iwidth"},
}
# What a model here does not hold: how far back gradients go, that parameters are shared (their
# storages are), for what number of dimensions a negative dimension was meant.
NOT_HELD = {
    "nn.FastLSTM": {"rho"},
    "nn.GRU": {"rho"},
    "nn.Recursor": {"rho"},
    "nn.Linear": {"shared"},
    "nn.SpatialConvolution": {"shared"},
    "nn.Max": {"nInputDims"},
    "nn.Mean": {"nInputDims"},
    "nn.Min": {"nInputDims"},
    "nn.Sum": {"nInputDims"},
}
# Empty tensors that Torch7 makes when it is fed for the first time, in some files and not others.
LAZY = {
    "nn.BatchNormalization": {"save_mean", "save_std"},
    "nn.CMul": {
        *("_expand", "_gradInput", "_gradOutput", "_gradWeight", "_input", "_output", "_repeat"),
        *("_sum", "_weight"),
    },
    "nn.Linear": {"addBuffer"},
    "nn.LinearNoBias": {"addBuffer"},
    "nn.PairwiseDistance": {"grad", "ones", "outExpand"},
    "nn.SpatialBatchNormalization": {"save_mean", "save_std"},
    "nn.SpatialCrossMapLRN": {"accumRatio", "paddedRatio"},
}
# The same in every file of today: its running_std is 1 / sqrt(running_var + eps).
OLD = {"nn.SpatialBatchNormalization": {"running_std", "running_var"}}
LEARNT = ("weight", "bias", "g", "v", "diagCov", "running_mean", "running_var", "kernel", "value")
# One class here for several of Torch's.
TWIN = {"nn.TripletNet": "nn.gModule"}
RESULTS = ("output", "gradInput")
GRAPH = ("innode", "outnode", "fg", "bg", "forwardnodes", "backwardnodes", "modules")


def differences(ours: Any, torchs: Any, path: str = "model") -> list[str]:
    """Each difference, with its path."""
    return list(_objects(ours, torchs, path, set()))


def _objects(ours: TorchObject, torchs: TorchObject, path: str, seen: set[Any]) -> Iterator[str]:
    if (id(ours), id(torchs)) in seen:
        return
    seen.add((id(ours), id(torchs)))
    name = torchs.class_name
    if ours.class_name != TWIN.get(name, name):
        yield f"{path}: {ours.class_name}, not {name}"
        return
    is_graph = "innode" in torchs
    if is_graph:
        yield from _graphs(ours, torchs, path, seen)
    skipped = set().union(*(names.get(name, set()) for names in (FED, NOT_HELD, OLD)))
    skipped |= set(GRAPH) if is_graph else set()
    for field in sorted({*ours.fields, *torchs.fields} - skipped):
        here = f"{path}.{field} of {name}"
        a, b = ours.get(field), torchs.get(field)
        if name == "nn.TripletNet" and a is None:
            continue  # Its own fields; those of a gModule are compared.
        if field in RESULTS:
            if a is None or len(a):
                yield f"{here}: not empty"
        elif a is None or b is None:
            yield from _one_missing(a, b, here, field, field in LAZY.get(name, ()), torchs)
        else:
            yield from _values(a, b, here, field, seen)


def _one_missing(
    a: Any, b: Any, here: str, field: str, lazy: bool, torchs: TorchObject
) -> Iterator[str]:
    there = a if b is None else b
    if there is None or there is False or (isinstance(there, list) and not there):
        return  # nil, false and an empty table are one to Lua's conditions and loops.
    if b is None and field.startswith("grad") and field[4:].lower() in _lower(torchs):
        return  # A file that was stripped of its gradients.
    if b is None and field == "train":
        return  # A module that training() and evaluate() do not reach.
    if b is None and field in ("nInputs", "lambda"):
        return  # Older than the field.
    if b is None and lazy and isinstance(a, np.ndarray) and not a.size:
        return
    yield f"{here}: {'missing' if a is None else 'not in Torch'}: {there!r:.80}"


def _lower(obj: TorchObject) -> set[str]:
    return {name.lower() for name in obj.fields}


def _values(a: Any, b: Any, here: str, field: str, seen: set[Any]) -> Iterator[str]:
    if isinstance(b, TorchObject):
        if isinstance(a, TorchObject):
            yield from _objects(a, b, here, seen)
        else:
            yield f"{here}: {type(a)}"
    elif isinstance(b, np.ndarray):
        if not isinstance(a, np.ndarray) or a.dtype != b.dtype:
            yield f"{here}: {getattr(a, 'dtype', type(a))}, not {b.dtype}"
        elif a.shape != b.shape:
            if a.size or field in LEARNT:
                yield f"{here}: {a.shape}, not {b.shape}"
        elif not field.startswith("grad"):  # Gradients are those of this session.
            if not np.allclose(a, b, rtol=1e-6, atol=1e-12, equal_nan=True):
                yield f"{here}: other values"
    elif isinstance(b, TorchStorage):
        if not isinstance(a, TorchStorage) or list(a) != list(b) or a.data.dtype != b.data.dtype:
            yield f"{here}: {a!r}, not {b!r}"
    elif isinstance(b, list | dict):
        yield from _tables(a, b, here, field, seen)
    elif type(a) is not type(b) and {type(a), type(b)} != {int, float} or a != b:
        if not (field == "_type" and "FlattenTable" in here):  # nn.FlattenTable keeps its first.
            yield f"{here}: {a!r}, not {b!r}"


def _tables(a: Any, b: Any, here: str, field: str, seen: set[Any]) -> Iterator[str]:
    if not isinstance(a, list | dict):
        yield f"{here}: {type(a)}"
        return
    ours, torchs = dict(table_items(a)), dict(table_items(b))
    if field in ("_gradOutputs", "cells", "outputs", "sharedClones", "tablegradinput"):
        torchs = {k: v for k, v in torchs.items() if k in ours}  # Those of the steps it was fed.
    if set(ours) != set(torchs):
        yield f"{here}: the keys {list(ours)}, not {list(torchs)}"
        return
    for key, value in torchs.items():
        yield from _values(ours[key], value, f"{here}[{key}]", field, seen)


# -- the node graph -----------------------------------------------------------------------


def _graphs(ours: TorchObject, torchs: TorchObject, path: str, seen: set[Any]) -> Iterator[str]:
    first, second = _outline(ours), _outline(torchs)
    if [node[1:] for node in first] != [node[1:] for node in second]:
        for i, (a, b) in enumerate(zip(first, second, strict=False)):
            if a[1:] != b[1:]:
                yield f"{path} node {i}: {a[1:]}, not {b[1:]}"
                return
        yield f"{path}: {len(first)} nodes, not {len(second)}"
        return
    for i, ((a, *_), (b, *_)) in enumerate(zip(first, second, strict=True)):
        if b is not None:
            yield from _objects(a, b, f"{path}.node {i}", seen)


def _outline(obj: TorchObject) -> list[tuple[Any, ...]]:
    """Each node, from the outputs: module, class, split, annotations, numbers of its parents."""
    numbers: dict[int, int] = {}
    datas = [obj["outnode"]["data"]]
    numbers[id(datas[0])] = 0
    rows = []
    for data in datas:
        parents = parents_of(data)
        for parent in parents:
            if id(parent) not in numbers:
                numbers[id(parent)] = len(datas)
                datas.append(parent)
        module = data.get("module")
        notes = {k: v for k, v in (data.get("annotations") or {}).items() if k != "_debugLabel"}
        name = None if module is None else TWIN.get(module.class_name, module.class_name)
        split = data.get("selectindex"), data.get("nSplitOutputs")
        rows.append((module, name, split, notes, [numbers[id(p)] for p in parents]))
    return rows


def parents_of(data: Any) -> list[Any]:
    """The `data` that a node reads."""
    pairs = [(k, v) for k, v in table_items(data["mapindex"]) if isinstance(k, int | float)]
    return [v for _, v in sorted(pairs, key=lambda pair: pair[0])]


def inconsistencies(obj: TorchObject) -> list[str]:
    """What is wrong with the node graph of an nn.gModule, as the code of nngraph reads it."""
    found: list[str] = []
    fg, bg = (_numbered(obj[name]["nodes"], found) for name in ("fg", "bg"))
    forward = {id(node["data"]): node for node in fg}
    backward = {id(node["data"]): node for node in bg}
    if len(forward) != len(fg) or set(forward) != set(backward):
        found.append("fg and bg are not over the same data")
        return found
    for i, node in enumerate(fg, 1):
        if node["id"] != i or node["data"]["forwardNodeId"] != i:
            found.append(f"node {i} has the id {node['id']}")
    if obj["innode"] not in fg or obj["outnode"] not in bg:
        found.append("innode is not in fg, or outnode not in bg")
    for name, nodes in (("forwardnodes", fg), ("backwardnodes", bg)):
        if {id(n) for n in obj[name]} != {id(n) for n in nodes} or len(obj[name]) != len(nodes):
            found.append(f"{name} are not those of the graph")
    place = {id(node["data"]): i for i, node in enumerate(obj["forwardnodes"])}
    edges = set()
    for key, node in forward.items():
        parents = parents_of(node["data"])
        table = dict(_pairs(node["data"]["mapindex"]))
        if any(table.get(id(parent)) != i for i, parent in enumerate(parents, 1)):
            found.append("a mapindex does not tell the numbers of its parents")
        if any(place[id(parent)] > place[key] for parent in parents):
            found.append("forwardnodes has a node before one that it reads")
        edges |= {(id(parent), key) for parent in parents}
        for parent in parents:
            readers = [k for k, _ in table_items(parent["reverseMap"])]
            if not any(reader["data"] is node["data"] for reader in readers):
                found.append("a reverseMap lacks a reader")
    for name, nodes, turn in (("fg", fg, 1), ("bg", bg, -1)):
        listed = {
            (id(e["from"]["data"]), id(e["to"]["data"]))[::turn]
            for e in _numbered(obj[name]["edges"], found)
        }
        linked = {
            (id(n["data"]), id(c["data"]))[::turn]
            for n in nodes
            for c in _numbered(n["children"], found)
        }
        if listed != edges or linked != edges:
            found.append(f"the edges of {name} are not those of mapindex")
    return found


def _pairs(table: Any) -> Iterator[tuple[Any, Any]]:
    return ((k if isinstance(k, int | float) else id(k), v) for k, v in table_items(table))


def _numbered(table: Any, found: list[str]) -> list[Any]:
    """The members of a table that holds each by number and its number by each."""
    pairs = list(table_items(table))
    members = {int(k): v for k, v in pairs if isinstance(k, int | float)}
    numbers = {id(k): v for k, v in pairs if not isinstance(k, int | float)}
    if numbers != {id(v): k for k, v in members.items()}:
        found.append("a table of nodes or edges does not tell their numbers")
    return [members[i] for i in range(1, len(members) + 1)]
