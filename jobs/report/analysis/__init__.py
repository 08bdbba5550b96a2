"""What the records show: groups of trainings, the shapes of curves, comparisons; numbers only."""
