"""What TensorFlow runs on: the threads it gets, and what the processor is fast at."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


def use_threads(threads: int) -> None:
    """Let TensorFlow use `threads` threads in this process; call it before anything else does.

    Raises:
        RuntimeError: TensorFlow is already running here with another number of threads.
    """
    # Its warnings are for who compiles it, such as that a loop with a branch is left as it is.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with _without_startup_messages():
        import keras
        import tensorflow as tf

        keras.utils.disable_interactive_logging()
        tf.config.set_visible_devices([], "GPU")
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)


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
    try:
        with open("/proc/cpuinfo") as cpuinfo:
            flags = next((line for line in cpuinfo if line.startswith("flags")), "").split()
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags
