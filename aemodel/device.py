"""What the numbers are computed on: the threads they get, and what the processor is fast at."""

import importlib
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import threadpoolctl


def use_threads(threads: int) -> None:
    """Start TensorFlow in this process, and let it, BLAS and OpenMP use `threads` threads.

    The last digits of a sum depend on how many threads share it, so what the environment says of
    their number is overruled: by `OMP_NUM_THREADS`, `OPENBLAS_NUM_THREADS` and the like, or by
    joblib, which sets them for the processes that it starts. Call it before anything is computed.

    Raises:
        RuntimeError: TensorFlow is already running here with another number of threads.
    """
    _start_tensorflow(threads)
    _load_native_libraries()
    threadpoolctl.threadpool_limits(threads)


def _start_tensorflow(threads: int) -> None:
    # Keras would read and write settings in the home directory, where another float type would
    # change the results; its predecessor cannot save these models.
    os.environ.update(KERAS_BACKEND="tensorflow", KERAS_HOME=os.devnull, TF_USE_LEGACY_KERAS="0")
    # Its warnings are for who compiles it, such as that a loop with a branch is left as it is.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with _without_startup_messages():
        import keras
        import tensorflow as tf

        keras.utils.disable_interactive_logging()
        tf.config.set_visible_devices([], "GPU")
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def _load_native_libraries() -> None:
    """Load what brings a BLAS or an OpenMP of its own: only what is loaded can be limited."""
    for name in ("numpy", "scipy.linalg", "sklearn.utils"):
        importlib.import_module(name)


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


def has_fast_bfloat16() -> bool:
    """Return whether this processor multiplies bfloat16 matrices in hardware."""
    flags = _cpuinfo("flags").split()
    return "avx512_bf16" in flags or "amx_bf16" in flags


def processor() -> str:
    """Return the name of this machine's processor, on whose type the last digits depend."""
    return _cpuinfo("model name") or platform.processor()


def _cpuinfo(field: str) -> str:
    """Return what Linux tells of the first core; nothing elsewhere."""
    try:
        with open("/proc/cpuinfo") as cpuinfo:
            line = next((line for line in cpuinfo if line.startswith(field)), "")
    except OSError:
        return ""
    return line.partition(":")[2].strip()
