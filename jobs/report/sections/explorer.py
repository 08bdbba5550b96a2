"""Part 3: the page in which a reader can explore a latent space."""

from collections.abc import Iterator
from pathlib import Path

from jobs.artifacts.files import EXPLORER
from jobs.report.analysis.study import Study
from jobs.report.blocks import Block, Figure, Linked, Paragraph, ref

PICTURE = Path(__file__).parents[1] / "explorer.png"
"""The page in use. It comes with the program: a browser is needed to take it."""


def blocks(study: Study) -> Iterator[Block]:
    """Yield what the page is for, where it is, and a picture of it; nothing if no run has one."""
    pages = {
        group.name(training): training.explorer
        for group in study.groups
        for training in group.trainings
        if training.explorer is not None
    }
    if not pages:
        return
    text = (
        f"The artifact {EXPLORER} of a run is a page for any browser that encodes and decodes: one "
        "can move through the plane, draw an image, and see its code and its reconstruction"
    )
    shown = f" ({ref('figure-explorer')})" if study.dataset.is_mnist else ""
    links = [(name, address) for name, address in pages.items() if address]
    if links:
        yield Linked(f"{text}{shown}. The pages of these runs:", links)
    else:
        yield Paragraph(f"{text}{shown}.")
    if study.dataset.is_mnist:
        yield Figure(
            key="figure-explorer",
            picture=PICTURE.read_bytes(),
            alt="A browser page: a map of coloured dots, one for each test image, and beside it a "
            "drawn 3, its reconstruction, its error and the test images with the nearest codes.",
            caption=f"The page {EXPLORER} of an example run, not of this document: a drawn 3, "
            "where its code lies among those of the test images, and its reconstruction.",
            width=0.6,
        )
