"""PyTorch with `torch.compile` (needs a C++ compiler): the loss and its gradients are compiled."""

from collections.abc import Callable

from benchmarks.peers import torch_eager
from benchmarks.work import Work


def train(work: Work, precision: str, record: Callable[[float], None]) -> None:
    """Train; see `benchmarks.peers`."""
    torch_eager.train(work, precision, record, compiled=True)
