"""Write the curves of the assignment's recipe that come with the program, from a store's runs.

    python -m tools.record_curves --conditions "processor time of an AMD EPYC" 1=3512 2=9801 3=15210

Of each setting and seed the newest finished training on MNIST is taken. `MLFLOW_TRACKING_URI`
and `MLFLOW_EXPERIMENT_NAME` name the store and the experiment; 1=3512 says that a training of
setting 1 took 3512 seconds.
"""

import argparse
from collections.abc import Mapping
from dataclasses import replace

from aemodel.data import MNIST_DIGEST
from aemodel.settings import SETTINGS
from jobs.report.collect import assigned_trainings
from jobs.report.recorded import FILE, to_json
from jobs.report.records import Recording, TrainingRecord
from jobs.tracking import Store


def write(store: Store, conditions: str, seconds: Mapping[str, float]) -> None:
    """Write the file, and say what is in it."""
    keys = {(setting, MNIST_DIGEST) for setting in SETTINGS.values()}
    newest: dict[tuple[str, int], TrainingRecord] = {}
    for training in assigned_trainings(store, keys):
        name = training.spec.setting.name
        recorded = replace(training, recording=Recording(conditions, seconds.get(name)))
        newest.setdefault((name, training.spec.seed), recorded)
    FILE.write_text(to_json(training for _, training in sorted(newest.items())), encoding="utf-8")
    for (name, seed), training in sorted(newest.items()):
        print(f"setting {name}, seed {seed}: {training.final_test_mse:.5f}, run {training.run_id}")


def main() -> None:
    """Write the file from the store of the environment."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--conditions", required=True, help="what the seconds were measured on")
    parser.add_argument("seconds", nargs="*", help="seconds of a setting, such as 1=3512")
    arguments = parser.parse_args()
    seconds = {name: float(number) for name, number in (s.split("=") for s in arguments.seconds)}
    write(Store.open(create=False), arguments.conditions, seconds)


if __name__ == "__main__":
    main()
