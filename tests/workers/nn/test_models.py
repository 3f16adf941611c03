"""Models against the same networks written out, and pooling before the activation."""

from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from service.specs.architectures import architecture
from service.specs.choices import choice
from tests.support.declared_networks import declared
from workers.nn.activations import ACTIVATIONS, Activation
from workers.nn.dropouts import DROPOUTS
from workers.nn.models import MODELS, Parts
from workers.nn.normalizations import NORMALIZATIONS
from workers.nn.pooling import Pooling

EXACT = {"identity", "relu", "leaky_relu", "hard_tanh", "relu6", "maxout"}
PARAMETERS = {"leaky_relu": {"negative_slope": 0.2}, "gelu": {"approximate": "tanh"}}


def activation(name, features=12):
    """Make an activation, at its catalog's defaults where nothing else is said."""
    defaults = choice("activation", name).parameters
    return ACTIVATIONS[name](**{**defaults, **PARAMETERS.get(name, {})})(features)


def cnn(name="relu", dropout=None, **parameters):
    size = {"channels": [4, 6], "kernel_size": 3, "units": [16], **parameters}
    normalization = NORMALIZATIONS["none"]()
    parts = Parts(
        (1, 28, 28), 10, partial(activation, name), normalization, dropout or DROPOUTS["none"]()
    )
    network = declared("mnist_cnn", parts, **size)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.2)
    return network


def images(count=5):
    return torch.rand(count, 1, 28, 28, generator=torch.Generator().manual_seed(1))


OF_TWO = Pooling(largest=True, size=2, stride=2)


def pooled_both_ways(function, z, upstream):
    """Values and gradients of the model's order and of the plain one."""
    results = []
    for pool in (OF_TWO.activated, lambda act, x: F.max_pool2d(act(x), 2)):
        x = z.clone().requires_grad_()
        y = pool(function, x)
        (slope,) = torch.autograd.grad(y, x, upstream)
        results.append((y.detach(), slope))
    return results


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_activation_after_pooling_gives_equal_values_and_gradients(name, memory_format):
    """On a grid of quarters: full of ties, signed zeros and windows without a positive z."""
    generator = torch.Generator().manual_seed(2)
    act = activation(name)
    z = torch.randint(-12, 13, (8, 12 * act.pieces, 26, 26), generator=generator) / 4
    z[torch.rand(z.shape, generator=generator) < 0.05] = -0.0
    windows = F.unfold(z.flatten(0, 1)[:, None], 2, stride=2)
    top = windows.max(1, keepdim=True).values
    assert ((windows == top).sum(1) > 1).double().mean() > 0.05, "ties are what is tested"
    assert ((top <= 0).double().mean()) > 0.05
    upstream = torch.randn(8, 12, 13, 13, generator=generator)
    swapped, plain = pooled_both_ways(
        act,
        z.contiguous(memory_format=memory_format),
        upstream.contiguous(memory_format=memory_format),
    )
    for one, other in zip(swapped, plain, strict=True):
        if name in EXACT:
            assert torch.equal(one, other)
        else:  # a vectorized exponential may differ in its last bit from place to place
            torch.testing.assert_close(one, other, rtol=1e-6, atol=0)


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "elu", "selu", "relu"])
def test_saturated_windows_pass_the_same_gradient_in_all(name):
    """Where rounding alone ties activations, the place of the gradient may differ, not its sum."""
    generator = torch.Generator().manual_seed(3)
    sign = torch.randint(0, 2, (4, 5, 6, 6), generator=generator).repeat_interleave(2, 2)
    z = (sign.repeat_interleave(2, 3) * 2 - 1) * (
        20 + torch.rand(4, 5, 12, 12, generator=generator)
    )
    upstream = torch.ones(4, 5, 6, 6)
    (values, slope), (plain_values, plain_slope) = pooled_both_ways(activation(name), z, upstream)
    torch.testing.assert_close(values, plain_values, rtol=1e-6, atol=0)
    torch.testing.assert_close(
        F.avg_pool2d(slope, 2), F.avg_pool2d(plain_slope, 2), rtol=1e-5, atol=1e-7
    )


def test_only_monotone_activations_are_applied_after_pooling():
    seen = []

    def record(x):
        seen.append(x.numel())
        return x

    for monotone in (True, False):
        OF_TWO.activated(Activation(record, monotone=monotone), torch.zeros(2, 3, 4, 4))
    assert seen == [24, 96]


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("size", [{}, {"kernel_size": 5}, {"kernel_size": 2, "units": [7]}])
def test_the_network_is_the_plain_composition(name, size):
    network = cnn(name, **size)
    first, second, third = (layer.activation for layer in network.hidden_layers())
    x = first(F.conv2d(images(), network.conv_1.weight, network.conv_1.bias))
    x = second(F.conv2d(x, network.conv_2.weight, network.conv_2.bias))
    x = F.max_pool2d(x, 2)
    # Rows, columns, channels: the order in which Keras flattens.
    x = torch.einsum("bchw->bhwc", x).reshape(5, -1)
    x = third(F.linear(x, network.dense_1.weight, network.dense_1.bias))
    expected = F.linear(x, network.output.weight, network.output.bias)
    torch.testing.assert_close(network(images()), expected, rtol=1e-4, atol=1e-4)


def test_sizes_and_names_follow_the_parameters():
    shapes = {
        name: tuple(tensor.shape)
        for name, tensor in cnn(channels=[3, 5], kernel_size=4, units=[9]).named_parameters()
    }
    assert shapes == {
        "conv_1.weight": (3, 1, 4, 4),
        "conv_1.bias": (3,),
        "conv_2.weight": (5, 3, 4, 4),
        "conv_2.bias": (5,),
        "dense_1.weight": (9, 11 * 11 * 5),
        "dense_1.bias": (9,),
        "output.weight": (10, 9),
        "output.bias": (10,),
    }


def test_the_recipe_has_the_size_keras_states():
    network = cnn(channels=[32, 64], units=[128])
    assert sum(parameter.numel() for parameter in network.parameters()) == 1_199_882


def test_tensors_stay_channels_last():
    network = cnn()
    seen = []
    for name in ("conv_1", "conv_2"):
        network.get_submodule(name).register_forward_hook(lambda *args: seen.append(args[-1]))
    network(images())
    assert len(seen) == 2
    assert all(output.is_contiguous(memory_format=torch.channels_last) for output in seen)


def test_dropout_follows_the_pooling_and_the_dense_layer():
    asked = []

    def keys(site):
        asked.append(site)
        return 5

    network = cnn(dropout=DROPOUTS["dropout"](rate=[0.25, 0.5]))
    shapes = {}
    for site in ("dropout_1", "dropout_2"):
        network.get_submodule(site).register_forward_pre_hook(
            lambda module, inputs: shapes.update({module.site: tuple(inputs[0].shape)})
        )
    dropped = network(images(), keys)
    assert asked == ["dropout_1", "dropout_2"]
    assert shapes == {"dropout_1": (5, 12 * 12 * 6), "dropout_2": (5, 16)}
    assert [network.dropout_1.keep, network.dropout_2.keep] == [0.75, 0.5]
    assert not torch.equal(dropped, network(images()))


def mlp(name="relu", units=(7, 5), outputs=3, input_shape=(2, 3), dropout=None):
    normalization = NORMALIZATIONS["none"]()
    parts = Parts(
        input_shape,
        outputs,
        partial(activation, name),
        normalization,
        dropout or DROPOUTS["none"](),
    )
    network = declared("mlp", parts, hidden_units=list(units))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return network


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_mlp_is_the_plain_composition(name):
    network = mlp(name)
    x = inputs = torch.randn(4, 2, 3, generator=torch.Generator().manual_seed(1))
    x = x.reshape(4, 6)
    for layer in network.hidden_layers():
        x = layer.activation(x @ layer.weighted.weight.T + layer.weighted.bias)
    expected = x @ network.output.weight.T + network.output.bias
    torch.testing.assert_close(network(inputs), expected, rtol=1e-5, atol=1e-5)


def test_each_dense_layer_of_an_mlp_has_its_dropout():
    asked = []

    def keys(site):
        asked.append(site)
        return 5

    network = mlp(dropout=DROPOUTS["dropout"](rate=[0.25, 0.5]))
    network(torch.randn(4, 2, 3), keys)
    assert asked == ["dropout_1", "dropout_2"]
    assert [network.dropout_1.keep, network.dropout_2.keep] == [0.75, 0.5]


@pytest.mark.parametrize("name", ["relu", "maxout"])
@pytest.mark.parametrize(
    ("model", "shape", "build"),
    [
        ({"name": "mlp", "hidden_units": [7, 5]}, (2, 3), mlp),
        ({"name": "mnist_cnn", "channels": [4, 6], "units": [16]}, (1, 28, 28), cnn),
    ],
)
def test_an_architecture_counts_the_network(name, model, shape, build):
    network = build(name)
    pieces = network.hidden_layers()[0].activation.pieces
    counted = architecture(choice("model", model), shape, network.output.out_features, pieces)
    sizes, seen = {}, {}
    for layer in network.hidden_layers():
        layer.weighted.register_forward_hook(
            lambda _, __, z, name=layer.name: seen.update({name: z[0].numel()})
        )
        sizes[layer.name] = sum(parameter.numel() for parameter in layer.weighted.parameters())
    network(torch.zeros(2, *shape))
    assert {layer.name: layer.parameters for layer in counted.hidden} == sizes
    assert {layer.name: layer.features * layer.positions for layer in counted.hidden} == seen
    assert counted.parameters == sum(parameter.numel() for parameter in network.parameters())


def rnn(cell="simple", units=(7, 5), outputs=3, input_shape=(4, 6), dropout=None, forget_bias=None):
    parts = Parts(
        input_shape,
        outputs,
        partial(activation, "tanh"),
        NORMALIZATIONS["none"](),
        dropout or DROPOUTS["none"](),
    )
    network = MODELS["rnn"](parts, cell=cell, hidden_units=units, forget_bias=forget_bias)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
    return network


@pytest.mark.parametrize("cell", ["simple", "gru", "lstm"])
@pytest.mark.parametrize("shape", [(4, 6), (2, 4, 6), (5,)])
def test_an_architecture_counts_a_recurrent_network(cell, shape):
    network = rnn(cell, input_shape=shape)
    model = choice("model", {"name": "rnn", "cell": cell, "hidden_units": [7, 5]})
    counted = architecture(model, shape, 3, 1)
    found = {layer.name: layer.weighted for layer in network.hidden_layers()}
    assert {layer.name: layer.parameters for layer in counted.hidden} == {
        name: weighted.weight.numel() + weighted.bias.numel() for name, weighted in found.items()
    }
    assert counted.parameters == sum(parameter.numel() for parameter in network.parameters())
    steps = {layer.positions for layer in counted.hidden}
    seen = []
    found["recurrent_1"].z_values.register_forward_hook(lambda *_: seen.append(1))
    network(torch.zeros(2, *shape))
    assert steps == {len(seen)}


def test_a_recurrent_network_reads_rows_and_its_last_state_is_read():
    """Two layers of torch's own in a row, on images by rows with their channels side by side."""
    network = rnn(input_shape=(2, 4, 3))
    images = torch.randn(5, 2, 4, 3, generator=torch.Generator().manual_seed(1))
    x = torch.stack([torch.cat([image[0], image[1]], 1) for image in images])
    for layer, units in zip(network.hidden_layers(), (7, 5), strict=True):
        theirs = nn.RNN(x.shape[2], units, batch_first=True)
        with torch.no_grad():
            weight = layer.weighted.weight
            theirs.weight_ih_l0.copy_(weight[:, : x.shape[2]])
            theirs.weight_hh_l0.copy_(weight[:, x.shape[2] :])
            theirs.bias_ih_l0.copy_(layer.weighted.bias)
            theirs.bias_hh_l0.zero_()
        x, _ = theirs(x)
    torch.testing.assert_close(network(images), network.output(x[:, -1]))


def test_dropout_is_between_recurrent_layers_and_before_the_output():
    shapes = {}
    network = rnn(dropout=DROPOUTS["dropout"](rate=[0.25, 0.5]))
    for site in ("dropout_1", "dropout_2"):
        network.get_submodule(site).register_forward_pre_hook(
            lambda module, inputs: shapes.update({module.site: tuple(inputs[0].shape)})
        )
    network(torch.randn(2, 4, 6), lambda _: 5)
    assert shapes == {"dropout_1": (2, 4, 7), "dropout_2": (2, 5)}


def test_the_recipe_costs_what_its_layers_multiply():
    counted = architecture(choice("model", "mnist_cnn"), (1, 28, 28), 10, 1)
    assert counted.parameters == 1_199_882
    # 26^2 x 9 x 32 + 24^2 x 288 x 64 + 9216 x 128 + 1280
    assert counted.multiply_adds == 194_688 + 10_616_832 + 1_179_648 + 1_280


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("model", ["mlp", "mnist_cnn"])
def test_a_normalization_is_where_it_is_asked_for(model, after):
    """Against the composition written out, with a scale that differs from unit to unit."""
    sizes = {"mlp": {"hidden_units": [6, 4]}, "mnist_cnn": {"channels": [4, 6], "kernel_size": 3}}
    size = sizes[model] | ({} if model == "mlp" else {"units": [5]})
    shape = (1, 8, 8)
    parts = Parts(
        shape,
        3,
        partial(activation, "tanh"),
        NORMALIZATIONS["layer"](epsilon=1e-3),
        DROPOUTS["none"](),
        normalized_after=after,
    )
    network = declared(model, parts, **size)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    inputs = torch.rand(5, *shape, generator=generator)

    def layer(found, x):
        z = found.weighted(x)
        return found.normalization(z.tanh()) if after else found.normalization(z).tanh()

    first, second, *rest = network.hidden_layers()
    if model == "mlp":
        x = layer(second, layer(first, inputs.flatten(1)))
    else:
        x = F.max_pool2d(layer(second, layer(first, inputs)), 2)
        x = layer(rest[0], torch.einsum("bchw->bhwc", x).reshape(5, -1))
    torch.testing.assert_close(network(inputs), network.output(x), rtol=1e-4, atol=1e-5)


def test_a_normalization_after_maxout_is_as_wide_as_its_units():
    parts = Parts(
        (3,),
        2,
        partial(activation, "maxout"),
        NORMALIZATIONS["rms"](epsilon=1e-3),
        DROPOUTS["none"](),
        normalized_after=True,
    )
    network = declared("mlp", parts, hidden_units=[5])
    assert network.get_parameter("normalization_1.weight").shape == (5,)
