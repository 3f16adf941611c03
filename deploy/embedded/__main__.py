"""``python -m deploy.embedded``: both servers in the foreground, until Ctrl-C or SIGTERM.

Only the two export lines are written to standard output.
"""

import argparse
import shlex
import signal
import sys
from pathlib import Path

from deploy.embedded import EmbeddedServerError, EmbeddedServers
from service.settings import SettingsError, get_settings


def main(arguments: list[str] | None = None) -> int:
    """Run both servers; return 0 when asked to stop, 1 when they cannot start."""
    parser = argparse.ArgumentParser(prog="python -m deploy.embedded", description=__doc__)
    parser.add_argument(
        "--home",
        type=Path,
        help="folder of their data and logs (ACTINIUM_HOME if not given)",
    )
    given: Path | None = parser.parse_args(arguments).home
    # Both signals stop it, even if a shell started it in the background with SIGINT ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        with EmbeddedServers(given or get_settings().home) as endpoints:
            print(f"export ACTINIUM_DATABASE_URL={shlex.quote(endpoints.database_url)}")
            print(f"export ACTINIUM_REDIS_URL={shlex.quote(endpoints.redis_url)}", flush=True)
            print(f"Logs: {endpoints.postgres_log.parent}. Ctrl-C stops both.", file=sys.stderr)
            while True:
                signal.pause()
    except KeyboardInterrupt:
        return 0
    except (SettingsError, EmbeddedServerError, OSError) as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
