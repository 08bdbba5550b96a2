"""Running trainings: the command, the run of each training, their processes, their states."""
