"""Timings of the training engine beside other ways to do the same work, in one run.

See `python -m benchmarks --help`. The project's environment runs the command; PyTorch and JAX live
in one of their own (`requirements.txt` here), since the project does not need them.
"""
