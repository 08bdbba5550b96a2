"""What one training process costs beside training: seconds until it trains, and memory."""

import resource
import time

from aemodel.data import load_dataset
from aemodel.settings import SETTINGS
from benchmarks.machine import in_new_process
from benchmarks.work import DATA, SEED, recipe_of


def measure(name: str) -> tuple[float, float]:
    """Return (seconds until the first update is over, peak resident memory in MB)."""
    started = time.perf_counter()
    from aemodel.device import use_threads
    from aemodel.training import Trainer

    use_threads(1)
    training = Trainer(SETTINGS[name], recipe_of(201), SEED, load_dataset(DATA), "float32")
    updates = training.run()
    next(updates)
    seconds = time.perf_counter() - started
    list(updates)
    # Kilobytes on Linux; shared libraries, which all processes have in common, are counted.
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def show() -> None:
    """Print one row a setting."""
    print("| setting | seconds to the first update | peak resident MB |")
    print("| --- | --: | --: |")
    for name in SETTINGS:
        seconds, resident = in_new_process(measure, name)
        print(f"| {name} | {seconds:.1f} | {resident:.0f} |", flush=True)
