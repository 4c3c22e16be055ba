"""What each stage of each run took, in the table ops/runs, and what it comes to."""
