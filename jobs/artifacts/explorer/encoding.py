"""Arrays as short text: fixed-point numbers, deflated, in base64. `data.mjs` is the other side.

A number is offset + step * q with an integer q of `BITS` bits, which is split into its high byte
and its low bits; all high bytes are stored before all low bits. The high bytes of weights and codes
follow a bell curve, which Huffman's code shortens; the low bits are noise, and the fewer of them
there are the shorter the text. For a trained setting 3, 14 bits give a page of 4.0 MB and pixels
off by up to 0.0065, 13 bits 3.7 MB and 0.014.
"""

import base64
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]

BITS = 14
"""Bits of a number."""


@dataclass(frozen=True, eq=False)
class FixedPoint:
    """Numbers offset + step * integers."""

    integers: NDArray[np.uint16]
    bits: int
    """The integers are below 2**bits; from 9 to 16."""
    offset: float
    step: float

    @property
    def values(self) -> Floats:
        """The numbers, as the page computes them; the shape of `integers`."""
        return np.asarray(self.offset + self.step * self.integers, dtype=np.float32)

    def encode(self) -> dict[str, Any]:
        """Return the entry that `decodeFixed` in `data.mjs` reads."""
        low_bits = self.bits - 8
        data = _pack_planes(self.integers.ravel(), low_bits)
        return {"data": data, "lowBits": low_bits, "offset": self.offset, "step": self.step}


def to_fixed_point(values: Floats, bits: int = BITS) -> FixedPoint:
    """Return finite `values` rounded to 2**bits numbers, evenly from the least to the largest."""
    offset, largest = float(values.min()), float(values.max())
    step = (largest - offset) / (2**bits - 1) or 1.0
    return FixedPoint(np.rint((values - offset) / step).astype(np.uint16), bits, offset, step)


def _pack_planes(numbers: NDArray[np.uint16], low_bits: int) -> str:
    planes = np.stack([numbers >> low_bits, numbers & (2**low_bits - 1)]).astype(np.uint8)
    return pack(planes.tobytes(), zlib.Z_HUFFMAN_ONLY)


def pack(data: bytes, strategy: int = zlib.Z_DEFAULT_STRATEGY) -> str:
    """Return `data` deflated (RFC 1950) and in base64."""
    deflate = zlib.compressobj(level=8, memLevel=9, strategy=strategy)
    return base64.b64encode(deflate.compress(data) + deflate.flush()).decode("ascii")
