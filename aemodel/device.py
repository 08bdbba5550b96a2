"""What the numbers are computed on: the device and its threads, and what it is fast at."""

import ctypes
import importlib.util
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import threadpoolctl

DEVICES = ("cpu", "gpu")

MAX_SHARDS = 4
"""Parts into which a batch is split at most: with every part the products get smaller."""

BFLOAT16_CAPABILITY = 8.0
"""CUDA compute capability from which on a GPU multiplies bfloat16 matrices in hardware."""

SLOW_WIDTH = 512
"""Matrices as wide as a multiple of this are slow to multiply on a processor: a column's numbers
lie a power of two apart in memory, and compete for the same few lines of its caches."""

ADDED_WIDTH = 16
"""What makes them fast: the numbers of one cache line."""

NO_GPU = (
    "there is no GPU to use on this machine: nvidia-smi, the tool of NVIDIA's driver, names none, "
    "or CUDA_VISIBLE_DEVICES hides it"
)


class NoGpu(Exception):
    """There is no GPU to compute on; the message says what is missing."""


class AlreadyStarted(RuntimeError):
    """TensorFlow runs in this process in another way, which it cannot change."""


def use_threads(threads: int, device: str = "cpu") -> None:
    """Let this process compute on `threads` threads: `limit_libraries`, then `start_tensorflow`."""
    limit_libraries(threads)
    start_tensorflow(threads, device)


def limit_libraries(threads: int) -> None:
    """Let BLAS and OpenMP use `threads` threads in this process.

    The last digits of a sum depend on how many threads share it, so what the environment says of
    their number is overruled: by `OMP_NUM_THREADS`, `OPENBLAS_NUM_THREADS` and the like, or by
    joblib, which sets them for the processes that it starts. Call it before anything is computed.
    """
    # Only what is loaded can be limited.
    for name in ("numpy", "scipy.linalg", "sklearn.decomposition"):
        importlib.import_module(name)
    threadpoolctl.threadpool_limits(threads)


def start_tensorflow(threads: int, device: str = "cpu") -> None:
    """Start TensorFlow in this process, with `threads` threads.

    Up to `MAX_SHARDS` of them compute an operation each, side by side, and a training gives every
    thread a part of the batch (`shards`): that is faster than if all of them shared each operation,
    and waited for each other as often. More threads share the operations.

    On a GPU, the first of those that CUDA_VISIBLE_DEVICES admits, TensorFlow takes memory as it
    needs it, so that several trainings share the card; it keeps to operations that give the same
    bits each time, and multiplies float32 matrices as such, not rounded to TensorFloat-32.

    Args:
        threads: on the processor; a GPU's threads are its own affair.
        device: `cpu` or `gpu`, where TensorFlow computes.

    Raises:
        NoGpu: TensorFlow finds none.
        AlreadyStarted: it runs here already, with other threads or on another device.
    """
    try:
        _start_tensorflow(threads, device)
    except RuntimeError as error:
        raise AlreadyStarted(
            "TensorFlow runs in this process with other threads, or on another device, and cannot "
            "change: start the process anew (on a cluster, the Dask worker)"
        ) from error


def import_tensorflow() -> None:
    """Import Keras, and with it TensorFlow, which takes seconds and starts nothing."""
    # Keras would read and write settings in the home directory, where another float type would
    # change the results; its predecessor cannot save these models.
    os.environ.update(KERAS_BACKEND="tensorflow", KERAS_HOME=os.devnull, TF_USE_LEGACY_KERAS="0")
    # CUDA counts cards as nvidia-smi does, which is asked for their names.
    os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    # Its warnings are for who compiles it, such as that a loop with a branch is left as it is.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with _without_startup_messages():
        import keras

        keras.utils.disable_interactive_logging()


def _start_tensorflow(threads: int, device: str) -> None:
    if device == "gpu":
        _load_cusolver()
    import_tensorflow()
    import tensorflow as tf

    with _without_startup_messages():
        gpus = tf.config.list_physical_devices("GPU")[:1] if device == "gpu" else []
        tf.config.set_visible_devices(gpus, "GPU")
    operations = threads if device == "cpu" and threads <= MAX_SHARDS else 1
    tf.config.threading.set_intra_op_parallelism_threads(1 if operations > 1 else threads)
    tf.config.threading.set_inter_op_parallelism_threads(operations)
    if device == "gpu":
        if not gpus:
            raise NoGpu(
                "TensorFlow finds no GPU: install its CUDA libraries, `pip install -r "
                "requirements-gpu.lock` (`make run DEVICE=gpu` does so); if they are there, update "
                "NVIDIA's driver; or leave device out, to train on the processor"
            )
        tf.config.experimental.set_memory_growth(gpus[0], True)
        tf.config.experimental.enable_tensor_float_32_execution(False)
        tf.config.experimental.enable_op_determinism()


def shards() -> int:
    """Return into how many parts a training splits its batches in this process: 1 leaves them."""
    import tensorflow as tf

    return max(1, int(tf.config.threading.get_inter_op_parallelism_threads()))


def fast_width(width: int) -> int:
    """Return `width`, or what to train it as where this device multiplies such matrices slowly."""
    import tensorflow as tf

    is_slow = width % SLOW_WIDTH == 0 and not tf.config.get_visible_devices("GPU")
    return width + ADDED_WIDTH if is_slow else width


def _load_cusolver() -> None:
    """Load the one CUDA library that TensorFlow 2.21 does not find where pip installs it.

    Its loader looks into the folders that are written into its library. This one's is not among
    them, but what is loaded already need not be found.
    """
    packages = importlib.util.find_spec("nvidia")
    for folder in (packages and packages.submodule_search_locations) or ():
        for library in Path(folder).glob("cusolver/lib/libcusolver.so.*"):
            with suppress(OSError):  # TensorFlow will say that it finds no GPU
                ctypes.CDLL(str(library))


@contextmanager
def side_by_side(threads: int) -> Iterator[Callable[..., Future[Any]]]:
    """Yield what begins a call on one of `threads` threads; all have ended when it is left.

    Each call computes on its one thread, NumPy's products included.
    """
    with (
        threadpoolctl.threadpool_limits(1),
        ThreadPoolExecutor(
            threads, initializer=threadpoolctl.threadpool_limits, initargs=(1,)
        ) as pool,
    ):
        yield pool.submit


@contextmanager
def _without_startup_messages() -> Iterator[None]:
    """Keep what TensorFlow says while it starts off the terminal, unless it fails to start.

    Its libraries write to the file descriptor itself, before any setting of theirs takes effect.
    """
    sys.stderr.flush()
    with tempfile.TemporaryFile() as messages:
        terminal = os.dup(2)
        os.dup2(messages.fileno(), 2)
        try:
            yield
        except BaseException:
            messages.seek(0)
            os.write(terminal, messages.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)


def has_fast_bfloat16(device: str = "cpu") -> bool:
    """Return whether this machine's processor, or GPU, multiplies bfloat16 matrices in hardware."""
    if device == "gpu":
        return _first_gpu()[1] >= BFLOAT16_CAPABILITY
    flags = _cpuinfo("flags").split()
    return "avx512_bf16" in flags or "amx_bf16" in flags


def hardware(device: str = "cpu") -> str:
    """Return the name of this machine's processor, or GPU, on whose type the last digits depend.

    No GPU, or none that nvidia-smi knows of, has no name.
    """
    if device == "gpu":
        return _first_gpu()[0]
    return _cpuinfo("model name") or platform.processor()


def _first_gpu() -> tuple[str, float]:
    """Return name and compute capability of the GPU that TensorFlow would use; ("", 0.0) for none.

    The driver's own tool knows them in no time; TensorFlow takes seconds to start.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0].strip()
    if visible in ("", "-1"):
        return "", 0.0
    fields = "--query-gpu=index,uuid,name,compute_cap"
    with suppress(OSError, subprocess.SubprocessError, ValueError):
        found = subprocess.run(
            ["nvidia-smi", fields, "--format=csv,noheader"],
            capture_output=True, text=True, timeout=30,
        )  # fmt: skip
        gpus = [line.split(", ") for line in found.stdout.splitlines() if line.count(", ") == 3]
        # Part of a card (MIG) has an id of its own, which is not in this list.
        wanted = [gpu for gpu in gpus if gpu[0] == visible or gpu[1].startswith(visible)]
        for _, _, name, capability in wanted or gpus[: not visible.isdigit()]:
            return name, float(capability)
    return "", 0.0


def _cpuinfo(field: str) -> str:
    """Return what Linux tells of the first core; nothing elsewhere."""
    try:
        with open("/proc/cpuinfo") as cpuinfo:
            line = next((line for line in cpuinfo if line.startswith(field)), "")
    except OSError:
        return ""
    return line.partition(":")[2].strip()
