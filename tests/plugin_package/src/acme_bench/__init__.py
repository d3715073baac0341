"""What a company adds to arogya-bench."""
