"""The engines that are timed: which module trains, in which precision, under which Python."""

from dataclasses import dataclass

from aemodel.device import has_fast_bfloat16


@dataclass(frozen=True)
class Engine:
    """One row of the table."""

    title: str
    module: str
    """Name of the module in `benchmarks.peers`."""
    precision: str
    library: str
    """What it needs to import, and whose version is shown."""

    @property
    def is_ours(self) -> bool:
        return self.module == "ours"

    @property
    def is_same_work(self) -> bool:
        """Whether it trains with the assignment's recipe, as the peers do."""
        return self.module != "ours_soap"

    @property
    def is_foreign(self) -> bool:
        """Whether it runs in the peers' environment instead of the project's."""
        return self.library in ("torch", "jax")

    @property
    def name(self) -> str:
        return f"{self.title}, {self.precision}"


ENGINES = (
    Engine("this project", "ours", "float32", "tensorflow"),
    Engine("this project", "ours", "bfloat16", "tensorflow"),
    Engine("this project, `fast`", "ours_soap", "float32", "tensorflow"),
    Engine("this project, `fast`", "ours_soap", "bfloat16", "tensorflow"),
    Engine("Keras `fit`", "keras_fit", "float32", "keras"),
    Engine("PyTorch eager", "torch_eager", "float32", "torch"),
    Engine("PyTorch eager", "torch_eager", "bfloat16", "torch"),
    Engine("PyTorch compiled", "torch_compiled", "float32", "torch"),
    Engine("PyTorch compiled", "torch_compiled", "bfloat16", "torch"),
    Engine("JAX scan", "jax_scan", "float32", "jax"),
    Engine("JAX scan", "jax_scan", "bfloat16", "jax"),
)


def engines_here() -> list[Engine]:
    """Return those whose precision this processor has instructions for.

    Without any for bfloat16, PyTorch takes more than ten times as long with it.
    """
    return [e for e in ENGINES if e.precision == "float32" or has_fast_bfloat16()]
