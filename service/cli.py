"""``actinium-admin``: run and look after the service."""

import argparse
import gc
import os
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TypeVar

from psycopg.errors import InsufficientPrivilege, LockNotAvailable
from sqlalchemy import make_url
from sqlalchemy.exc import OperationalError, ProgrammingError, SQLAlchemyError
from sqlalchemy.orm import Session

from service import api_keys
from service.database.engine import (
    create_database_engine,
    forget_libpq_environment,
    session_factory,
)
from service.database.outages import is_outage
from service.database.roles import SERVICE_ROLE, grant_service_role
from service.database.schema_version import SchemaVersionError, alembic_config, check_schema
from service.database.tables import ApiKey
from service.errors import DomainError
from service.liveness import announced_stack
from service.logs import last_words, write_line
from service.settings import Settings, get_settings

#: Requests in progress when the API is told to stop have this long to end.
_GRACE_SECONDS = 5

_UP_TO_DATE = "The database's schema is up to date."

T = TypeVar("T")


def main() -> None:
    """Run one command; an expected error ends it with one sentence."""
    arguments = _parser().parse_args()
    run: Callable[[argparse.Namespace], None] = arguments.run
    # What runs as a service has a log; who asks for a key has a terminal.
    with last_words() if run in {_migrate, _api, _scheduler} else nullcontext():
        _run(run, arguments)


def _run(run: Callable[[argparse.Namespace], None], arguments: argparse.Namespace) -> None:
    try:
        run(arguments)
    except (DomainError, SchemaVersionError, ValueError) as error:
        sys.exit(str(error))
    except SQLAlchemyError as error:
        if not is_outage(error):
            raise
        sys.exit(_unreachable(error))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="actinium-admin", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add(commands, "migrate", _migrate, "bring the database's schema up to date")
    _add(commands, "api", _api, "serve the HTTP API")
    _add(
        commands,
        "scheduler",
        _scheduler,
        "requeue runs of lost workers, wake workers and send webhooks",
    )
    openapi = _add(commands, "openapi", _openapi, "write the API's description (OpenAPI 3.1)")
    openapi.add_argument(
        "--output",
        type=Path,
        action="append",
        default=[],
        help="the file to write, as JSON where its name ends so (repeatable); standard output if "
        "not given",
    )
    _add_keys(commands.add_parser("keys", help="create, list and revoke API keys"))
    return parser


def _add_keys(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    create = _add(commands, "create", _create_key, "create a key and show it, once")
    create.add_argument("--name", required=True, help="its owner or purpose")
    create.add_argument(
        "--scope",
        action="append",
        required=True,
        choices=list(api_keys.SCOPES),
        help="what it allows; can be repeated",
    )
    _add(commands, "list", _list_keys, "list all keys")
    revoke = _add(commands, "revoke", _revoke_key, "revoke a key")
    revoke.add_argument("id", type=uuid.UUID, help="the id that `keys list` shows")


def _add(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    run: Callable[[argparse.Namespace], None],
    meaning: str,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=meaning, description=f"{meaning.capitalize()}.")
    parser.set_defaults(run=run)
    return parser


def _migrate(_: argparse.Namespace) -> None:
    from alembic import command as migrations  # noqa: PLC0415 - no other command needs alembic

    settings = get_settings()
    _refuse_newer_schema(settings)
    try:
        migrations.upgrade(alembic_config(settings.sqlalchemy_url), "head")
        _grant(settings)
    except OperationalError as error:
        if not isinstance(error.orig, LockNotAvailable):
            raise
        sys.exit(
            "A transaction has held a table for too long, so the migration gave up and changed "
            "nothing. End that transaction (pg_stat_activity shows it), or run this again."
        )
    if settings.log_json:
        write_line("info", _UP_TO_DATE)
    else:
        print(_UP_TO_DATE)


def _grant(settings: Settings) -> None:
    """Give the service's role what it needs, where the settings have its password."""
    if settings.service_password is None:
        return
    engine = create_database_engine(settings, pool_size=1)
    try:
        grant_service_role(engine, settings.service_password.get_secret_value())
    except ProgrammingError as error:
        if not isinstance(error.orig, InsufficientPrivilege):
            raise
        sys.exit(
            f"This role may not create or change the role {SERVICE_ROLE}. Give it CREATEROLE, or "
            "unset ACTINIUM_SERVICE_PASSWORD and create the role as "
            "docs/howto/postgres-and-redis.md says."
        )
    finally:
        engine.dispose()


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Import without the garbage collector, which takes an eighth of the time and finds nothing."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _compute_with_one_thread() -> None:
    """Let numpy, which is not imported yet, multiply small matrices with one thread.

    Several take longer for these: they wait for one another.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def _api(_: argparse.Namespace) -> None:
    _compute_with_one_thread()
    with _without_collecting():
        from service.api.server import serve  # noqa: PLC0415 - no other command needs FastAPI

    settings = get_settings()
    _refuse_other_schema(settings)
    serve(settings, grace_seconds=_GRACE_SECONDS)


def _scheduler(_: argparse.Namespace) -> None:
    _compute_with_one_thread()
    with _without_collecting():
        from service.operations import scheduler  # noqa: PLC0415

    del sys.argv[1:]  # it reads its own options
    scheduler.main()


def _openapi(arguments: argparse.Namespace) -> None:
    from service.api.app import create_app  # noqa: PLC0415
    from service.api.openapi.document import to_json, to_yaml  # noqa: PLC0415

    description = create_app().openapi()
    if not arguments.output:
        sys.stdout.write(to_yaml(description))
    for file in arguments.output:
        is_json = file.suffix == ".json"
        file.write_bytes(to_json(description) if is_json else to_yaml(description).encode())


def _create_key(arguments: argparse.Namespace) -> None:
    created = _with_session(
        lambda session: api_keys.create(session, name=arguments.name, scopes=arguments.scope)
    )
    print(f"{created.token}\n", flush=True)
    print(
        f"This is key {created.key.id} with {', '.join(created.key.scopes)}. It is shown only "
        "now: keep it where secrets are kept.",
        file=sys.stderr,
    )


def _list_keys(_: argparse.Namespace) -> None:
    rows: list[tuple[str, ...]] = [("ID", "NAME", "SCOPES", "CREATED", "LAST USED", "REVOKED")]
    rows += [_row(key) for key in _with_session(api_keys.list_all)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).strip())


def _row(key: ApiKey) -> tuple[str, ...]:
    times = (key.created_at, key.last_used_at, key.revoked_at)
    shown = [f"{time:%Y-%m-%d %H:%M}" if time else "-" for time in times]
    # Older names may have characters that a terminal would obey.
    name = key.name if key.name.isprintable() else ascii(key.name)
    return (str(key.id), name, ",".join(key.scopes), *shown)


def _revoke_key(arguments: argparse.Namespace) -> None:
    key = _with_session(lambda session: api_keys.revoke(session, arguments.id))
    print(f"Key {key.id} ({key.name}) is revoked.")


def _with_session(use_case: Callable[[Session], T]) -> T:
    engine = create_database_engine(_settings_of_running_service(), pool_size=1)
    try:
        check_schema(engine)
        with session_factory(engine)() as session:
            return use_case(session)
    finally:
        engine.dispose()


def _settings_of_running_service() -> Settings:
    """Return the settings; where they name no database, that of the service of this home."""
    settings = get_settings()
    if "database_url" in settings.model_fields_set:
        return settings
    stack = announced_stack(settings.home)
    if stack is None:
        return settings
    forget_libpq_environment()
    return settings.model_copy(update={"database_url": stack.database_url})


def _refuse_newer_schema(settings: Settings) -> None:
    engine = create_database_engine(settings, pool_size=1)
    try:
        check_schema(engine, newer_only=True)
    finally:
        engine.dispose()


def _refuse_other_schema(settings: Settings) -> None:
    engine = create_database_engine(settings, pool_size=1)
    try:
        check_schema(engine)
    except SQLAlchemyError as error:
        # Postgres may start later; the API waits for it, and checks the schema then.
        if not is_outage(error):
            raise
    finally:
        engine.dispose()


def _unreachable(error: SQLAlchemyError) -> str:
    settings = _settings_of_running_service()
    url = make_url(settings.sqlalchemy_url)
    reason = str(getattr(error, "orig", error)).strip().partition("\n")[0]
    sentence = f"The database at {url.host}:{url.port or 5432} does not answer: {reason}"
    if settings.database_url != Settings.model_fields["database_url"].default:
        return sentence
    home = settings.home.absolute()
    return (
        f"{sentence}. No service of {home} runs here either: start it with `make up`, or set "
        "ACTINIUM_HOME or ACTINIUM_DATABASE_URL."
    )


if __name__ == "__main__":
    main()
