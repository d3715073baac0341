"""Many jobs: plan, launchers, workers, and what happens when one of them fails."""
