"""`.cfg` files: how they are read, and what errors say."""

import keras
import numpy as np
import pytest

from zoo import DarknetCfgError, from_darknet
from zoo.darknet.cfg import read_cfg

NET = "[net]\nheight=8\nwidth=6\nchannels=4\n"


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "my.cfg"
        path.write_bytes(text.encode())
        return path

    return write


def test_blanks_comments_and_order(written):
    path = written(
        "\ufeff# A comment\r\n[ network ]\n height = 8 ; eight\n\twidth=6\n;x\n\nchannels=1 #one\n"
        "[conv olutional]\nfil ters = 3\nfilters=9\nactivation=leaky\n"
    )
    net, conv = read_cfg(path)
    assert (net.kind, net.line, conv.kind, conv.line) == ("network", 2, "convolutional", 8)
    assert net.options == {"height": ("8", 3), "width": ("6", 4), "channels": ("1", 7)}
    assert conv.integer("filters", 1) == 3  # The first counts.
    assert conv.where == f"{path}:8"
    assert from_darknet(path).output_shape == (None, 8, 6, 3)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", ["my.cfg: nothing stands where [net] must be"]),
        ("[maxpool]\nsize=2", ["my.cfg:1: [maxpool] stands where [net] must be"]),
        ("size=2\n[net]", ["my.cfg:1: 'size=2' stands before the first [section]"]),
        (
            NET + "filters 3\n[conv\n=4\nsize=",
            [
                "my.cfg:5: 'filters 3' is not key=value",
                "my.cfg:6: '[conv' is no [section]",
                "my.cfg:7: '=4' is not key=value",
                "my.cfg:8: 'size=' is not key=value",
            ],
        ),
        (NET, ["my.cfg:1: [net] stands alone"]),
        ("[net]\nheight=4\n[avgpool]", ["my.cfg:1: [net] states no input"]),
        (
            NET + "[yolo]\nclasses=80\n[avgpool]\n[gru]\n[detection]",
            ["my.cfg:5: [yolo]", "my.cfg:8: [gru]", "my.cfg:9: [detection]", "3 sections are"],
        ),
        (
            NET + "[convolutional]\nxnor=1\nbinary=0\n[softmax]\ntree=words\n[maxpool]\ndontload=1",
            ["my.cfg:6: [convolutional] xnor=1", "my.cfg:9: [softmax] tree=words", "dontload=1"],
        ),
        (NET + "[conv]\nfilters=x", ["my.cfg:6: [conv] needs an integer filters, got 'x'"]),
        (NET + "[conv]\nfilters=0", ["my.cfg:6: [conv] needs filters >= 1, got 0"]),
        (NET + "[conv]\nsize=9", ["my.cfg:5: [conv] has kernels of 9 pixels for maps of 8 x 6"]),
        (NET + "[conv]\nfilters=6\ngroups=3", ["my.cfg:7: [conv] has 3 groups"]),
        (
            NET + "[conv]\nactivation=sine",
            ["my.cfg:6: [conv] has activation 'sine', which is none of linear, logistic,"],
        ),
        (NET + "[maxpool]\nsize=7\npadding=0", ["my.cfg:5: [maxpool] has windows of 7 pixels"]),
        (NET + "[maxpool]\nsize=2\npadding=3", ["my.cfg:7: [maxpool] pads by 3"]),
        (NET + "[avgpool]\n[dropout]\nprobability=1", ["my.cfg:7: [dropout] drops a share of 1.0"]),
        (NET + "[dropout]\nprobability=half", ["my.cfg:6: [dropout] needs a number probability"]),
        (NET + "[softmax]\ngroups=5", ["my.cfg:6: [softmax] has 5 groups for 192 values"]),
        (NET + "[softmax]\ntemperature=0", ["my.cfg:6: [softmax] has temperature 0.0"]),
        (NET + "[avgpool]\n[shortcut]\nfrom=1", ["my.cfg:7: [shortcut] from names layer 1"]),
        (NET + "[avgpool]\n[shortcut]\nfrom=-2", ["but this is layer 1 and reads those before it"]),
        (NET + "[avgpool]\n[shortcut]", ["my.cfg:6: [shortcut] has no from="]),
        (NET + "[avgpool]\n[shortcut]\nfrom=0,0", ["my.cfg:7: [shortcut] adds one layer"]),
        (
            NET + "[dropout]\n[maxpool]\nsize=4\nstride=4\npadding=2\n[shortcut]\nfrom=0",
            ["my.cfg:11: [shortcut] adds maps of 8 x 6 to 2 x 2, of another shape"],
        ),
        (NET + "[avgpool]\n[route]\nlayers=a", ["my.cfg:7: [route] needs integers layers"]),
        (NET + "[dropout]\n[route]\nlayers=0\ngroup_id=1", ["takes group 1 of 1"]),
        (NET + "[dropout]\n[route]\nlayers=0\ngroups=3", ["takes a group of 3 of 4 planes"]),
        (
            NET + "[dropout]\n[avgpool]\n[route]\nlayers=0,1\ngroups=2",
            ["takes groups of planes of layers without maps of one size"],
        ),
        (
            NET + "[dropout]\n[avgpool]\n[route]\nlayers=0,1\n[conv]",
            ["my.cfg:9: [conv] needs maps, but the layer before gives plain values"],
        ),
        ("[net]\ninputs=5\n[maxpool]\nsize=1", ["my.cfg:3: [maxpool] needs maps"]),
        (NET + "[reorg]\nstride=3", ["my.cfg:6: [reorg] cannot cut 4 maps of 8 x 6 by 3"]),
        (NET + "[crop]\ncrop_height=9", ["my.cfg:5: [crop] cuts 9 x 1 out of 8 x 6"]),
        (NET + "[lrn]\nsize=8", ["my.cfg:6: [lrn] has a window of 8 channels for 4 planes"]),
        (
            NET + "[dropout]\n[conv]\n[avgpool]\n[route]\nlayers=0",
            ["my.cfg:6: [conv]", "my.cfg:7: [avgpool]", "nothing of these reaches the last layer"],
        ),
    ],
)
def test_errors(written, text, lines):
    with pytest.raises(DarknetCfgError) as caught:
        from_darknet(written(text))
    for line in lines:
        assert line in str(caught.value)


def test_nonsense_is_told_briefly(tmp_path):
    path = tmp_path / "photo.cfg"
    path.write_bytes(np.random.default_rng(0).integers(0, 256, 5000).astype("uint8").tobytes())
    with pytest.raises(DarknetCfgError) as caught:
        read_cfg(path)
    assert 1 <= len(str(caught.value).splitlines()) <= 40


def test_options_that_are_not_used_are_named(written):
    path = written(NET + "momentum=0.9\n[conv]\nfilter=9\nstopbackward=1\n[cost]\ntype=sse\nx=1")
    with pytest.warns(UserWarning, match=r"not used: 7: filter, 11: x$"):
        assert from_darknet(path).output_shape == (None, 8, 6, 1)


def test_plain_inputs_and_the_last_layer_before_a_cost(written):
    path = written("[net]\ninputs=5\n[connected]\noutput=3\nactivation=relu\n[dropout]\n[cost]")
    model = from_darknet(path, name="mine")
    assert (model.input_shape, model.output_shape) == ((None, 5), (None, 3))
    assert [layer.name for layer in model.layers] == ["input", "fc1", "fc1_relu", "dropout1"]
    assert from_darknet(path).name == "my"


def test_defaults_are_darknets(written):
    model = from_darknet(written(NET + "[conv]\n[maxpool]\n[connected]"))
    assert [layer.name for layer in model.layers if layer.weights] == ["conv1", "fc1"]
    assert {"logistic1", "fc1_logistic"} <= {layer.name for layer in model.layers}
    assert model.get_layer("pool1").output.shape == (None, 8, 6, 1)


def test_nodes_tell_their_section(written):
    model = from_darknet(written(NET + "[conv]\nbatch_normalize=1\n[maxpool]"))
    told = {n.name: (n.annotations.get("darknet"), n.annotations.get("description"))
            for n in model.forwardnodes}  # fmt: skip
    assert told["bn1"] == (0, "[conv] my.cfg:5") and told["pool1"] == (1, "[maxpool] my.cfg:7")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"batch_norm_epsilon": 1e-5}, "'outside' or 'inside' the root, got 1e-05"),
        ({"input_shape": (8, 6)}, r"must be \(height, width, channels\), got \(8, 6\)"),
        ({"input_shape": (8, 0, 3)}, "must be"),
    ],
)
def test_bad_arguments(written, arguments, words):
    with pytest.raises(ValueError, match=words):
        from_darknet(written(NET + "[avgpool]"), **arguments)


def test_channels_first_is_refused(written):
    keras.config.set_image_data_format("channels_first")
    try:
        with pytest.raises(ValueError, match="channels_last"):
            from_darknet(written(NET + "[avgpool]"))
    finally:
        keras.config.set_image_data_format("channels_last")


def test_missing_files(written, tmp_path):
    with pytest.raises(FileNotFoundError):
        from_darknet(tmp_path / "none.cfg")
    with pytest.raises(FileNotFoundError):
        from_darknet(written(NET + "[avgpool]"), tmp_path / "none.weights")
