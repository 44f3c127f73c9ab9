"""When each source runs: read from prefect.yaml, planned, applied to Prefect, and shown."""
