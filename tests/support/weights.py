"""The weights of a model as Keras saved it."""

import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import h5py
import numpy as np


def saved_weights(path: Path) -> dict[str, Any]:
    """Return name -> array of a file `model.keras`."""
    found: dict[str, Any] = {}

    def note(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = np.array(item)

    with (
        zipfile.ZipFile(path) as archive,
        h5py.File(BytesIO(archive.read("model.weights.h5"))) as file,
    ):
        file.visititems(note)
    assert len(found) >= 12
    return found
