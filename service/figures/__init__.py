"""Pictures of results: data in, figure out. Nothing here reads the database or the web."""
