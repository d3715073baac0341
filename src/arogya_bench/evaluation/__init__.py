"""One job, from data to logged cells."""
