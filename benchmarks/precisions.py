"""The study that says whether bfloat16 can be trusted: `python -m benchmarks.precisions`.

Trains each setting with the recipe `assignment`, cut to 10,000 iterations, from three seeds in both
precisions, and prints the final test MSE: that of bfloat16 should lie within float32's spread. It
takes about 25 minutes on two cores with AMX.
"""

from itertools import product

from aemodel.settings import SETTINGS
from aemodel.training import PRECISIONS
from benchmarks.seeds import Key, curves
from benchmarks.work import recipe_of

SEEDS = (0, 1, 2)
ITERATIONS = 10_000


def main() -> None:
    """Print the table."""
    keys = [Key(*key) for key in product(sorted(SETTINGS, reverse=True), PRECISIONS, SEEDS)]
    final = {key: errors[-1] for key, errors, _ in curves(keys, recipe_of(ITERATIONS))}
    print(f"| setting | {' | '.join(PRECISIONS)} |\n| --- | --- | --- |")
    for setting in SETTINGS:
        cells = [
            ", ".join(f"{final[Key(setting, precision, seed)]:.5f}" for seed in SEEDS)
            for precision in PRECISIONS
        ]
        print(f"| {setting} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
