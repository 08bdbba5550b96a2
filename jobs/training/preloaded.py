"""What every process that trains needs, imported by importing this module.

One process imports it, and those that train are forked from it (`jobs.training.executor`): they
have it at hand at once, and share its memory. Nothing else imports this module, since it sets what
it needs: the environment of MLflow and TensorFlow, and one thread for BLAS and OpenMP, which must
not run others when a process is forked. A training sets the number of its own.
"""

import gc
import importlib
import os

from aemodel.device import import_tensorflow
from jobs.environment import prepare_environment

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
prepare_environment()
import_tensorflow()
needed = [
    "jobs.artifacts.files",
    "jobs.training.command",
    "sklearn.decomposition",
    "sklearn.mixture",
    "sklearn.neighbors",
    "matplotlib.backends.backend_agg",
    "pyarrow",
    "mlflow.tracking",
]
if not os.environ.get("MLFLOW_TRACKING_URI", "").startswith("http"):  # a database, not a server
    needed.append("mlflow.store.tracking.sqlalchemy_store")
for name in needed:
    importlib.import_module(name)
gc.freeze()  # no collection touches, and so copies, what is shared
