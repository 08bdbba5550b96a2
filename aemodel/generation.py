"""New images: codes drawn from a density fitted to the training codes, and decoded.

A plain autoencoder says nothing about where codes lie, so a density is fitted to them afterwards
(Ghosh et al. 2020). Two are compared: one Gaussian, and a mixture of full-covariance Gaussians,

    p(z) = sum_k w_k N(z | m_k, S_k)

whose number of components is the one with the highest likelihood of codes held back from the fit.

How good the images are is measured, for c classes and n images, by

- the nearest image: mean MSE per pixel to the nearest test image (low for blurred images as well);
- sureness: share of images of which a classifier gives one class more than `SURE` probability;
- evenness: exp(entropy) / c of the classes it names, 1 where all come equally often;
- the Frechet distance between Gaussians fitted to the classifier's features of the images (m, S)
  and of the test images (m', S'): |m - m'|^2 + tr(S + S' - 2 (S S')^(1/2)) (Heusel et al. 2017,
  with features of another network: values compare only with those of the same classifier).

References:
    P. Ghosh et al., "From Variational to Deterministic Autoencoders", ICLR 2020, arXiv:1903.12436.
    M. Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash
    Equilibrium", NeurIPS 2017, arXiv:1706.08500.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from aemodel import latent
from aemodel.classifier import Classifier

if TYPE_CHECKING:
    from sklearn.mixture import GaussianMixture

COMPONENTS = (10, 20, 40)
"""Numbers of components tried for the mixture."""

CODES_PER_NUMBER = 5
"""A component is fitted to at least this many codes for each number of a code: a full covariance of
d numbers needs more than d of them."""

FITTED, HELD_OUT = 8_000, 2_000
"""Training codes that a density is fitted to, and held back to choose the number of components."""

STEPS = 10
"""Steps of expectation-maximisation: enough that the numbers of components rank as after 20."""

SAMPLES = 10_000
"""Images generated to be measured."""

COMPARED = 2_000
"""Of these, images whose nearest test image is searched."""

SHOWN = 50
"""Images shown of each kind."""

SURE = 0.9
"""Probability above which the classifier is sure of a class."""

Floats = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Density:
    """A mixture of k Gaussians over codes of d numbers; k is 1 for a single Gaussian."""

    weights: NDArray[np.float64]
    """Shares of the components (k,), which sum to 1."""
    means: NDArray[np.float64]
    """Shape (k, d)."""
    factors: NDArray[np.float64]
    """Lower triangular L_k with S_k = L_k L_k^T; shape (k, d, d)."""
    held_out: float
    """Mean log-likelihood of the codes held back, in nats."""

    def arrays(self) -> dict[str, NDArray[np.float64]]:
        """Return the parameters by name: what it takes to draw from it elsewhere."""
        return {"weights": self.weights, "means": self.means, "factors": self.factors}

    def sample(self, count: int, generator: np.random.Generator) -> Floats:
        """Return `count` codes drawn from the density; shape (count, d)."""
        components = generator.choice(len(self.weights), count, p=self.weights)
        noise = generator.standard_normal((count, self.means.shape[1]))
        codes = np.empty_like(noise)
        for component in np.unique(components):
            rows = components == component
            codes[rows] = self.means[component] + noise[rows] @ self.factors[component].T
        return codes.astype(np.float32)


@dataclass(frozen=True)
class Quality:
    """How good a set of images is; see above."""

    nearest_mse: float
    sure: float
    """0..1."""
    evenness: float
    """1 / c to 1."""
    frechet: float

    def metrics(self, kind: str) -> dict[str, float]:
        """Return the measures of images of this `kind` by their names in the tracker."""
        return {f"generated_{kind}_{name}": value for name, value in vars(self).items()}


@dataclass(frozen=True, eq=False, kw_only=True)
class Generation:
    """What the decoder makes of drawn codes."""

    mixture: Density
    gaussian_images: Floats
    """The first images decoded from codes of the Gaussian, clipped to 0..1; shape (50, 784)."""
    mixture_images: Floats
    """The same for the mixture."""
    gaussian: Quality
    """Of `SAMPLES` images, like the next."""
    mixture_quality: Quality

    @property
    def metrics(self) -> dict[str, float]:
        """The measures by their names in the tracker."""
        return {
            **self.gaussian.metrics("gaussian"),
            **self.mixture_quality.metrics("mixture"),
            "generated_components": float(len(self.mixture.weights)),
        }


def generate(
    decode: Callable[[Floats], Floats],
    train_codes: Floats,
    test_images: latent.ReferenceImages,
    classifier: Classifier,
    seed: int,
) -> Generation:
    """Fit both densities to the training codes (n, d), draw from them, decode and measure.

    Args:
        decode: takes codes (n, d) to images (n, 784), not clipped.
        train_codes: codes of the training images, in any order.
        test_images: what their distances are measured to.
        classifier: trained on the training images.
        seed: of the fit and of the draws.
    """
    generator = np.random.default_rng([seed, len(train_codes)])
    gaussian, mixture = fit(train_codes, seed)
    from_gaussian, from_mixture = (
        np.clip(decode(density.sample(SAMPLES, generator)), 0, 1) for density in (gaussian, mixture)
    )
    return Generation(
        mixture=mixture,
        gaussian_images=from_gaussian[:SHOWN],
        mixture_images=from_mixture[:SHOWN],
        gaussian=measure(from_gaussian, test_images, classifier),
        mixture_quality=measure(from_mixture, test_images, classifier),
    )


def fit(codes: Floats, seed: int) -> tuple[Density, Density]:
    """Return the Gaussian and the best mixture fitted to training codes (n, d), n at least 10.

    The mixture is the Gaussian itself if no number of components has a higher likelihood.
    """
    order = np.random.default_rng(seed).permutation(len(codes))
    held_out = min(HELD_OUT, len(codes) // 5)
    fitted, kept = codes[order[held_out : held_out + FITTED]], codes[order[:held_out]]
    gaussian = _fitted(fitted, kept, 1, seed)
    most = len(fitted) // (CODES_PER_NUMBER * codes.shape[1])
    mixtures = [_fitted(fitted, kept, size, seed) for size in COMPONENTS if size <= most]
    return gaussian, max([gaussian, *mixtures], key=lambda density: density.held_out)


def _fitted(codes: Floats, kept: Floats, size: int, seed: int) -> Density:
    from sklearn.mixture import GaussianMixture
    from threadpoolctl import threadpool_limits

    # A little of the variance on the diagonals: no component may collapse onto a few codes.
    floor = 1e-6 * float(codes.var(axis=0).mean()) + 1e-12
    mixture = GaussianMixture(
        size, max_iter=STEPS, reg_covar=floor, init_params="k-means++", random_state=seed % 2**32
    )
    # Its products are small: with a second thread of BLAS they take twice as long.
    with threadpool_limits(1), unfinished_fits():
        try:
            mixture.fit(codes)
        except ValueError:  # codes that lie nearly in fewer dimensions take twice the precision
            mixture.fit(codes.astype(np.float64))
    return _density(mixture, kept)


@contextmanager
def unfinished_fits() -> Iterator[None]:
    """Let mixtures stop after `STEPS`, as asked, without a warning.

    What is to be warned of is the same for all threads: enter it before others start.
    """
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def _density(mixture: "GaussianMixture", kept: Floats) -> Density:
    """Return a fitted mixture in double precision: what is drawn from has to sum to 1 in it."""
    weights, means, covariances = (
        array.astype(np.float64)
        for array in (mixture.weights_, mixture.means_, mixture.covariances_)
    )
    factors = np.linalg.cholesky(covariances)
    return Density(weights / weights.sum(), means, factors, float(mixture.score(kept)))


def measure(images: Floats, test_images: latent.ReferenceImages, classifier: Classifier) -> Quality:
    """Return how good `images` (n, 784), clipped to 0..1, are beside the test images."""
    features = classifier.features(images)
    probabilities = classifier.probabilities_of(features)
    counts = np.bincount(probabilities.argmax(axis=1), minlength=probabilities.shape[1])
    shares = counts[counts > 0] / len(images)
    _, distances = test_images.nearest(images[:COMPARED])
    return Quality(
        nearest_mse=float(distances.mean()),
        sure=float(np.mean(probabilities.max(axis=1) > SURE)),
        evenness=float(np.exp(-np.sum(shares * np.log(shares))) / probabilities.shape[1]),
        frechet=frechet_distance(features, classifier.features(test_images.images)),
    )


def frechet_distance(a: Floats, b: Floats) -> float:
    """Return the Frechet distance between Gaussians fitted to feature vectors (n, f) and (m, f)."""
    difference = a.mean(axis=0, dtype=np.float64) - b.mean(axis=0, dtype=np.float64)
    cov_a, cov_b = (np.atleast_2d(np.cov(x.astype(np.float64), rowvar=False)) for x in (a, b))
    # S S' has the eigenvalues of the symmetric R S' R, R the root of S.
    values, vectors = np.linalg.eigh(cov_a)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    cross = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ cov_b @ root), 0)).sum()
    return float(difference @ difference + np.trace(cov_a) + np.trace(cov_b) - 2 * cross)
