"""MNIST autoencoders: data, network, training and latent-space analysis.

Knows nothing of MLflow, of the command line or of the report: arrays and small frozen dataclasses
go in, arrays and small frozen dataclasses come out. The reconstruction error is, everywhere, the
MSE per pixel on the 0..1 scale: the squared difference, averaged over images and pixels.
"""

import os

# Else Keras reads settings in the home directory, where another float type would change the
# results, and writes them there.
os.environ["KERAS_HOME"] = os.devnull
os.environ["KERAS_BACKEND"] = "tensorflow"
