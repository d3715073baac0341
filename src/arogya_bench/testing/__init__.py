"""What authors of model adapters run on theirs."""
