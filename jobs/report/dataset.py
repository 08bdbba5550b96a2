"""What a training was trained on, and how the document speaks of its images.

MNIST is what has MNIST's digest. Any other data set has the name of its folder, and its classes
have the names that came with it.
"""

from dataclasses import dataclass

from aemodel.data import MNIST_DIGEST, Dataset
from jobs.report.wording import one_line

DIGITS = Dataset.classes
"""Names of the classes if the data set gave none."""
LONGEST_NAME = 40


@dataclass(frozen=True)
class DatasetRecord:
    """A data set as its trainings recorded it."""

    digest: str
    name: str = ""
    """Empty if it was not recorded."""
    classes: tuple[str, ...] = DIGITS
    """Names of the ten classes."""

    @property
    def is_mnist(self) -> bool:
        return self.digest == MNIST_DIGEST

    @property
    def is_numbered(self) -> bool:
        """Whether the classes are called 0 to 9."""
        return self.is_mnist or self.classes == DIGITS

    @property
    def title(self) -> str:
        """What to call it: `MNIST`, or `the data set “name”`."""
        if self.is_mnist:
            return "MNIST"
        name = one_line(self.name, LONGEST_NAME)
        return f"the data set “{name}”" if name else "a data set whose name was not recorded"

    @property
    def noun(self) -> str:
        """What a class of images is called."""
        return "digit" if self.is_mnist else "class"

    @property
    def nouns(self) -> str:
        return "digits" if self.is_mnist else "classes"

    def name_of(self, c: int) -> str:
        """Return the name of a class: `3`, or `boot`."""
        return DIGITS[c] if self.is_mnist else one_line(self.classes[c], LONGEST_NAME)

    def many_of(self, c: int) -> str:
        """Return the images of a class: `8s`, or `boot images`."""
        return f"{c}s" if self.is_mnist else f"{self.name_of(c)} images"

    def pair(self, a: int, b: int) -> str:
        """Return the path between two classes: `3 to 8`."""
        return f"{self.name_of(a)} to {self.name_of(b)}"
