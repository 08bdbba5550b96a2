"""The batch jobs: parse parameters, plan trainings, fan them out, track them, report on them."""
