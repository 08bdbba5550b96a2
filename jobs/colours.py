"""The colours of the settings, in the document and in the MLflow UI."""

from aemodel.settings import SETTINGS

SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
"""One colour a setting: the palette of Okabe and Ito, which the colour-blind can tell apart."""

OF_SETTING = dict(zip(SETTINGS, SERIES, strict=False))
"""Colours by the names of the assignment's settings."""
