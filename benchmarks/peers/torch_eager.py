"""PyTorch, one operation after the other: autograd and the fused Adam."""

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING

from benchmarks.work import Work

if TYPE_CHECKING:
    import torch

EVALUATION_BATCH = 1000


def train(
    work: Work, precision: str, record: Callable[[float], None], compiled: bool = False
) -> None:
    """Train; see `benchmarks.peers`.

    bfloat16 is PyTorch's automatic mixed precision, which keeps the activations in bfloat16 as
    well: less to move than in our engine, where only the products are in bfloat16.
    """
    import torch
    from torch.nn import functional

    recipe, data = work.recipe, work.shuffled
    x_train, x_test = torch.from_numpy(data.x_train), torch.from_numpy(data.x_test)
    network = _network(work)
    adam = torch.optim.Adam(
        network.parameters(),
        recipe.learning_rate,
        (recipe.beta_1, recipe.beta_2),
        recipe.epsilon,
        fused=True,
    )

    def loss_of(x: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            decoded = network(x)
        return functional.mse_loss(decoded.float(), x)

    def squared_error(x: torch.Tensor) -> torch.Tensor:
        return functional.mse_loss(network(x), x, reduction="sum")

    if compiled:
        loss_of, squared_error = torch.compile(loss_of), torch.compile(squared_error)

    def test_mse() -> float:
        with torch.no_grad():
            parts = [squared_error(x.float() / 255) for x in x_test.split(EVALUATION_BATCH)]
        return float(torch.stack(parts).sum()) / data.x_test.size

    for iteration, offset in enumerate(work.offsets(0, recipe.iterations)):
        loss = loss_of(x_train[offset : offset + recipe.batch_size].float() / 255)
        adam.zero_grad(set_to_none=True)
        loss.backward()
        adam.step()
        if iteration % recipe.eval_every == 0:
            record(test_mse())


def _network(work: Work) -> "torch.nn.Sequential":
    """Return the network with the initial weights of the work."""
    import torch

    layers: list[torch.nn.Module] = []
    for (n_in, n_out), is_tanh in zip(
        pairwise(work.setting.layer_widths), work.setting.tanh_layers, strict=True
    ):
        layers += [torch.nn.Linear(n_in, n_out)] + [torch.nn.Tanh()] * is_tanh
    network = torch.nn.Sequential(*layers)
    with torch.no_grad():
        for parameter, array in zip(network.parameters(), work.weights, strict=True):
            parameter.copy_(torch.from_numpy(array.T))
    return network
