"""Many jobs: plans, launchers, workers, and recovery when one of them fails."""
