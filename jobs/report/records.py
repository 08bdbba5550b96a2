"""What the report knows of the tracker: plain frozen records, made once by `collect`.

Everything after `collect` is a pure function of these. A value that the tracker does not hold is
None (or an empty tuple), never a guess. Errors are MSE per pixel on the 0..1 scale.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from aemodel.evaluation import Interpolation
from aemodel.generation import Quality
from aemodel.real_images import RealInterpolations
from aemodel.settings import Recipe
from jobs.report.dataset import DIGITS, DatasetRecord
from jobs.report.pictures import Pictures
from jobs.spec import TrainingSpec


@dataclass(frozen=True, eq=False)
class Curve:
    """The recorded errors of one training, oldest first."""

    iterations: NDArray[np.int64]
    """Iterations, counted from 0, after whose update the error was recorded; shape (n,)."""
    test_mse: NDArray[np.float64]
    """Error over the whole test set; shape (n,)."""
    seconds: NDArray[np.float64]
    """Seconds of training until each point; shape (n,); NaN where not recorded."""
    train_mse: NDArray[np.float64] | None = None
    """Error on training images at the same iterations; shape (n,); None where not recorded."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Generated:
    """Images decoded from drawn codes, and how good they are beside others."""

    gaussian_images: NDArray[np.float32]
    """From one Gaussian, clipped to 0..1; shape (50, 784)."""
    mixture_images: NDArray[np.float32]
    """The same from a mixture of Gaussians."""
    gaussian: Quality
    mixture: Quality
    reconstructions: Quality | None
    """Of reconstructions of training images; None of older runs, which measured others."""
    real: Quality
    """Of training images: the scale."""
    components: int
    """Of the mixture; 1 if that is the Gaussian itself."""
    classifier_accuracy: float
    """Of the classifier that the measures rest on, on the test images."""


@dataclass(frozen=True)
class PlaneQuality:
    """How well a plane keeps the neighbourhoods of images; 1 is best."""

    trustworthiness: float
    continuity: float


@dataclass(frozen=True)
class Recording:
    """How the project trained what comes with the program."""

    conditions: str
    """What the seconds were measured on, and where the curve is from."""
    seconds: float | None
    """What the training took; None if that was not measured."""


@dataclass(frozen=True, eq=False, kw_only=True)
class TrainingRecord:
    """One finished training, as the tracker has it."""

    run_id: str
    spec: TrainingSpec
    end_time_ms: int | None
    """Milliseconds since 1970."""
    git_commit: str
    """Empty if the project was not a git checkout."""
    data_name: str = ""
    """Of the data set; empty if it was not recorded."""
    classes: tuple[str, ...] = DIGITS
    """Names of the ten classes."""
    pixel_axes: int | None = None
    """Principal axes of the training images that were trained; None if all pixels were, or it was
    not recorded."""
    versions: dict[str, str]
    """Library name -> version, and python."""
    curve: Curve | None
    final_test_mse: float | None
    best_test_mse: float | None
    best_iteration: int | None
    pca_test_mse: float | None
    train_seconds: float | None
    knn_accuracy: float | None
    """Share of test codes whose digit the 10 nearest train codes vote for, 0..1."""
    mse_by_digit: tuple[float, ...]
    """Test error of each digit 0..9; empty when not recorded."""
    codes: NDArray[np.float32] | None = None
    """Latent codes of the test set; shape (10000, d)."""
    labels: NDArray[np.int64] | None = None
    """Their digits; shape (10000,)."""
    image_mse: NDArray[np.float64] | None = None
    """Test error of each of these images; shape (10000,)."""
    pca_image_mse: NDArray[np.float64] | None = None
    """The same of PCA with as many components as a code has numbers."""
    interpolations: tuple[Interpolation, ...] = ()
    reconstructions: NDArray[np.float32] | None = None
    """Ten test images, digit 0 to 9, above their reconstructions; shape (2, 10, 784)."""
    final_train_mse: float | None = None
    """Final error over training images, as many as MNIST has test images."""
    pca_train_mse: float | None = None
    """PCA's error over the same training images, with as many components."""
    knn_accuracy_pca: float | None = None
    """As `knn_accuracy`, of PCA's codes of the same size."""
    knn_accuracy_pixels: float | None = None
    """As `knn_accuracy`, of the pixels themselves."""
    decoder_affine_share: float | None = None
    """Share of the variance of the decoded test images that an affine function explains."""
    plane: PlaneQuality | None = None
    """Of the codes, for a latent size of 2."""
    pca_plane: PlaneQuality | None = None
    """Of PCA's plane, for a latent size of 2."""
    pca_xy: NDArray[np.float32] | None = None
    """The test images in PCA's plane, for a latent size of 2; shape (10000, 2)."""
    class_counts: NDArray[np.int64] | None = None
    """Training images above test images of each class; shape (2, 10)."""
    reconstructed_as: NDArray[np.int64] | None = None
    """Of the test images of class c whose class the classifier names, how many reconstructions it
    names e; shape (10, 10)."""
    real_interpolations: RealInterpolations | None = None
    """Ways between single test images."""
    generated: Generated | None = None
    pca_reconstructions: NDArray[np.float32] | None = None
    """These test images from as many principal components as a code has numbers; (10, 784)."""
    explorer: str | None = None
    """Address of the page to explore the latent space in, empty if no server has it; None if there
    is no such page."""
    recording: Recording | None = None
    """None for a run of the experiment."""
    samples: bytes | None = None
    """Training images with their labels: a PNG picture."""
    manifold_points: NDArray[np.float64] | None = None
    """Points of a regular grid over the 2-D latent space, MSE of the image decoded at each to the
    test image nearest to it, and distance to the nearest training code (above 1: none lies near);
    shape (n, 4)."""
    manifold: bytes | None = None
    """Decoded images over a grid of the 2-D latent space: a PNG picture with axes."""

    @property
    def dataset(self) -> DatasetRecord:
        """What it was trained on."""
        return DatasetRecord(self.spec.data_digest, self.data_name, self.classes)


@dataclass(frozen=True)
class Omission:
    """A training that was asked for, or found, and is not in the document as a result."""

    what: str
    """Such as `setting 2` or the name of a run."""
    why: str
    """Such as `no run`, `FAILED: NaN at iteration 300`, `still running`."""


@dataclass(frozen=True)
class SizeErrors:
    """Trainings of one latent size that differ in the seed alone."""

    latent_size: int
    errors: tuple[float, ...]
    """Final test MSE of each; at least one."""
    pca: float
    """Test MSE of PCA with as many components."""


@dataclass(frozen=True, kw_only=True)
class ControlledStudy:
    """Networks that differ in latent size and seed alone."""

    run_id: str
    hidden_widths: tuple[int, ...]
    """Widths of the encoder's hidden layers, outermost first."""
    recipe: Recipe
    precision: str
    data_digest: str
    sizes: tuple[SizeErrors, ...]
    """By latent size; at least one."""
    failed: int = 0
    """Trainings of the study that did not finish."""
    intrinsic_dimension: float | None = None
    """TwoNN's estimate for training images; None if it was not recorded."""
    seeds: tuple[int, ...] = (0,)
    device: str = "cpu"
    threads: int = 0
    """Threads of each training; 0 if not recorded."""
    git_commit: str = ""


@dataclass(frozen=True, kw_only=True)
class ReportRequest:
    """What the document shall be about, and who hands it in."""

    run_ids: tuple[str, ...] = ()
    """Trainings; none for the newest finished one of each of the settings 1, 2 and 3."""
    title: str = ""
    """Empty for one that names the data set."""
    author: str = ""
    notes: str = ""
    """The author's own words, Markdown."""
    pictures: Pictures = field(default_factory=Pictures)
    """The images that they name."""
    observations: bool = True
    """Whether the program's observations and intuitions are in the document; if not, a question
    for each part stands there instead."""


@dataclass(frozen=True)
class Program:
    """The program that builds the document."""

    version: str
    commit: str
    """Empty if it is not a git checkout."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Records:
    """All the report knows."""

    request: ReportRequest
    program: Program
    experiment: str
    tracking_uri: str
    trainings: tuple[TrainingRecord, ...]
    """Finished trainings the document is about: ordered by setting, then seed."""
    omissions: tuple[Omission, ...]
    references: tuple[TrainingRecord, ...] = ()
    """Trainings with the assignment's own recipe, without their files, that part 1 sets beside
    those of another recipe: runs of the experiment, or recorded by the project."""
    controlled_study: ControlledStudy | None = None
    """Of the same experiment, on the same data."""
