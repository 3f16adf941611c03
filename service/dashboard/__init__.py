"""The page at ``/``: static files that read the public API, as any other client does."""
