"""Models behind APIs: requests, limits, ledger, budget and guard; nothing here knows a provider."""
