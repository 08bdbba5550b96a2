"""Arrays as short text: 16-bit numbers, deflated, in base64. `data.mjs` is the other side.

A 16-bit number is split into a high byte and its lowest bits, and all high bytes are stored before
all low bits. The high bytes of weights and codes follow a bell curve, which Huffman's code
shortens; the low bits are noise, and the fewer of them are kept the shorter the text. Two kinds of
numbers are stored:

- *halves*: IEEE 754 half precision, rounded to a multiple of 2^-k, for weights;
- *fixed point*: offset + step * q with an integer q of so many bits, for codes and places.
"""

import base64
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]

_HALF_LOW_BITS = 8


def to_halves(values: Floats, binary_places: int) -> NDArray[np.float16]:
    """Return `values` rounded to multiples of 2**-binary_places, in half precision."""
    unit = 2.0**-binary_places
    return np.asarray(np.rint(values / unit) * unit, dtype=np.float16)


def encode_halves(values: NDArray[np.float16]) -> dict[str, Any]:
    """Return `values`, flattened, as the entry that `decodeHalves` in `data.mjs` reads."""
    return {"data": _pack_planes(values.ravel().view(np.uint16), _HALF_LOW_BITS)}


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


def to_fixed_point(values: Floats, bits: int) -> FixedPoint:
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
