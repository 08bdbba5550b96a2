"""One module an engine: `train(work, precision, record)` does the work its own best way.

    work       what to train, from which weights, on which images (`benchmarks.work.Work`)
    precision  `float32`, or `bfloat16` for the matrix products
    record     called with the MSE per pixel of the whole test set after updates 0, 100, 200 ...;
               `train` returns after `work.recipe.iterations` updates

Everything after the third call of `record` is timed, so what happens once (imports, copying the
data, compiling) must be over by then.
"""
