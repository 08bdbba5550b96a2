"""MNIST autoencoders: data, network, training and latent-space analysis.

Knows nothing of MLflow, of the command line or of the report: arrays and small frozen dataclasses
go in, arrays and small frozen dataclasses come out. The reconstruction error is, everywhere, the
MSE per pixel on the 0..1 scale: the squared difference, averaged over images and pixels.
"""
