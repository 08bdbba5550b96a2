"""The explorer: one HTML page in which a trained network's latent space can be walked through.

The page carries the network, the codes of the test images and the images themselves, and computes
every picture it shows, also of the digit that a reader draws. It needs no server, no network and
no rights: a content security policy allows its own script and style alone, by their hashes, so that
it runs in a sandboxed frame, from a file, or as an attachment.

The page is made of small files beside this one: `page.html`, `style.css` and JavaScript modules
(`*.mjs`), which are joined into one inline module.
"""

import base64
import hashlib
import html
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from string import Template

import numpy as np
from numpy.typing import NDArray

from aemodel.generation import Density
from aemodel.latent import Plane
from jobs.artifacts.explorer.content import GREY_LEVELS, Content, describe

MAX_NUMBERS = 8_000_000
"""Maximum number of weights, and numbers in the codes, together: a page of about 16 MB."""

_MODULES = (
    "picture",
    "data",
    "network",
    "mixture",
    "likeness",
    "ink",
    "preparation",
    "viewport",
    "dots",
    "map",
    "gestures",
    "interpolation",
    "tabs",
    "square",
    "histogram",
    "reading",
    "newdigits",
    "main",
)
"""The page's modules, each after those it imports."""

_PAGE = Path(__file__).parent / "page"

Floats = NDArray[np.floating]


class TooLarge(ValueError):
    """The page would have to store more than `MAX_NUMBERS`."""


def build(
    *,
    title: str,
    weights: Sequence[tuple[Floats, Floats]],
    images: NDArray[np.uint8],
    labels: NDArray[np.integer],
    codes: Floats,
    plane: Plane,
    pairs: Iterable[tuple[int, int]],
    mixture: Density,
    real_distance: float,
) -> str:
    """Return the page as HTML text.

    Args:
        title: heading of the page; any text.
        weights: kernel (inputs, outputs) and bias (outputs,) of the dense layers in order: the
            first half is the encoder, the second the decoder, whose last layer alone is linear.
        images: test images (n, 784), 0 black to 255 white.
        labels: their digits (n,); each of the ten occurs.
        codes: their latent codes (n, d).
        plane: the plane the map shows, `aemodel.latent.project(codes)`.
        pairs: digits (a, b) between which the page offers to walk.
        mixture: density of the codes, which new digits are drawn from.
        real_distance: MSE per pixel that is usual between a real image and the nearest other one.

    Raises:
        TooLarge: weights and codes are more than `MAX_NUMBERS` numbers.
        ValueError: a weight or code is not finite, or a digit is absent from the labels.
    """
    _require_storable(weights, codes)
    half = len(weights) // 2
    content = describe(
        encoder=weights[:half],
        decoder=weights[half:],
        images=images,
        labels=labels,
        codes=codes,
        plane=plane,
        pairs=pairs,
        mixture=mixture,
        real_distance=real_distance,
    )
    script = _join_modules((_PAGE / f"{name}.mjs").read_text("utf-8") for name in _MODULES)
    style = (_PAGE / "style.css").read_text("utf-8")
    return Template((_PAGE / "page.html").read_text("utf-8")).substitute(
        policy=_policy(script, style),
        title=html.escape(title),
        introduction=html.escape(_introduction(codes)),
        axis_1=html.escape(plane.axis_names[0]),
        axis_2=html.escape(plane.axis_names[1]),
        footer=html.escape(_footer(content)),
        style=style,
        data=json.dumps(content.block, allow_nan=False).replace("<", r"\u003c"),
        script=script,
    )


def _require_storable(weights: Sequence[tuple[Floats, Floats]], codes: Floats) -> None:
    arrays = [codes, *(array for layer in weights for array in layer)]
    if not all(np.isfinite(array).all() for array in arrays):
        raise ValueError("weights or codes are not finite: the training has diverged")
    numbers = sum(array.size for array in arrays)
    if numbers > MAX_NUMBERS:
        raise TooLarge(
            f"the explorer would have to store {numbers:,} numbers (weights, and codes of the test "
            f"images), and at most {MAX_NUMBERS:,} are allowed: give narrower layers"
        )


def _join_modules(sources: Iterable[str]) -> str:
    """Return the modules as one: imports dropped, as all names then share one scope."""
    script = "\n".join(sources)
    script = re.sub(r"^import [^;]*;\n", "", script, flags=re.MULTILINE)
    return re.sub(r"^export ", "", script, flags=re.MULTILINE)


def _policy(script: str, style: str) -> str:
    """Return the content security policy: this script, this style, pictures made here, no more."""

    def source(text: str) -> str:
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
        return f"'sha256-{digest}'"

    return (
        f"default-src 'none'; script-src {source(script)}; style-src {source(style)}; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def _introduction(codes: Floats) -> str:
    n, d = codes.shape
    code = "one number" if d == 1 else f"{d} numbers"
    place = {
        1: "Left to right is the code; the digits lie in lanes, one above the other.",
        2: "Its place on the map is that code.",
    }.get(d, "The map shows the first two principal components of the codes.")
    return (
        f"The encoder squeezes the 784 pixels of an image into {code}: its code. Each dot is one "
        f"of {n:,} test images. {place} Look around, draw your own digit, or make new ones."
    )


def _footer(content: Content) -> str:
    return (
        "Every picture but the test images is computed in this page by the trained network. Its "
        "weights and the codes are stored rounded: on a sample of the test images, decoded pixels "
        f"differ from the model's by at most {content.pixel_difference:.4f} on the scale 0 to 1, "
        f"and codes by at most {content.code_difference:.4f} standard deviations. Test images are "
        f"stored in {GREY_LEVELS} levels of grey."
    )
