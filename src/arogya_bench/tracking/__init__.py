"""All of MLflow: stores, runs, artifacts, models, saved views, and the server."""
