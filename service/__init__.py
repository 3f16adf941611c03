"""Actinium's service: the HTTP API, the database and the use-cases between them."""
