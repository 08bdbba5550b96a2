"""The drawing of the networks: a row for each, its layers from input to output."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aemodel.settings import PIXELS, Setting
from jobs.report.charts import as_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW = 0.62
"""Inches from one network to the next."""
HIGHEST = 0.42
"""Inches of a layer as wide as the input."""
BOX = 0.30
"""Width of a layer's box, as a share of the distance between layers."""
ENDS, HIDDEN, CODE = "#bbbbbb", "#7fb2d9", "#e8a26a"


def networks(settings: Sequence[Setting], labels: Sequence[str]) -> bytes:
    """Return the networks one below the other, as SVG."""

    def draw(figure: "Figure") -> None:
        axes = figure.subplots()
        axes.set(xlim=(-0.16, 1.03), ylim=(-len(settings) + 0.5, 0.9))
        axes.set_axis_off()
        for row, (setting, label) in enumerate(zip(settings, labels, strict=True)):
            _draw_network(axes, setting, label, -float(row))
        axes.text(0.25, 0.72, "encoder", ha="center", va="center", style="italic")
        axes.text(0.75, 0.72, "decoder", ha="center", va="center", style="italic")

    return as_svg(draw, ROW * (len(settings) + 0.4))


def _draw_network(axes: "Axes", setting: Setting, label: str, y: float) -> None:
    from matplotlib.patches import FancyArrow, Rectangle

    widths = setting.layer_widths
    gap = 1 / (len(widths) - 1)
    box = BOX * min(gap, 1 / 6)
    axes.text(-0.06, y, label, ha="right", va="center")
    for layer, width in enumerate(widths):
        x, height = layer * gap, _height(width)
        colour = _colour(layer, setting)
        axes.add_patch(Rectangle((x - box / 2, y - height / 2), box, height, color=colour, lw=0))
        axes.text(x, y + height / 2 + 0.03, f"{width:,}", ha="center", va="bottom", fontsize=7.5)
        if layer:
            start, length = x - gap + box / 2, gap - box
            axes.add_patch(
                FancyArrow(
                    start + 0.1 * length, y, 0.8 * length, 0, width=0.0, head_width=0.06,
                    head_length=0.012, length_includes_head=True, color="#555555", lw=0.6,
                )
            )  # fmt: skip


def _colour(layer: int, setting: Setting) -> str:
    if layer in (0, len(setting.layer_widths) - 1):
        return ENDS
    return CODE if layer == len(setting.widths) else HIDDEN


def _height(width: int) -> float:
    """Return the height of a layer in rows: logarithmic, and never nothing."""
    return HIGHEST / ROW * min(1.15, 0.12 + 0.88 * math.log(width) / math.log(PIXELS))
