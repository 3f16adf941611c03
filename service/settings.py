"""Settings, read from the environment with one prefix: ``ACTINIUM_``.

``DATABASE_URL`` and ``REDIS_URL`` are also read without the prefix, as platforms set them. An
empty variable counts as not set. ``ACTINIUM_<NAME>_FILE`` names a file with the value, as Compose
and Kubernetes mount secrets. ``make catalog`` writes docs/settings.md from the descriptions here.
"""

import logging
import math
import os
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import limits
from pydantic import (
    AfterValidator,
    AliasChoices,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from service.specs.limits import Limits

_PREFIX = "ACTINIUM_"


class SettingsError(ValueError):
    """An environment variable has a value that its setting cannot take.

    The message is a sentence for each of them, with the variable's name.
    """


def _pauses(text: str) -> str:
    try:
        right = all(0 <= float(each) < math.inf for each in filter(None, text.split(",")))
    except ValueError:
        right = False
    if not right:
        raise ValueError("must be seconds, with commas between them")
    return text


def _log_level(text: str) -> str:
    levels = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
    if logging.getLevelNamesMapping().get(text.upper()) is None:
        raise ValueError(f"must be one of {', '.join(levels)}")
    return text


def _rate(text: str) -> str:
    try:
        limits.parse(text)
    except ValueError:
        raise ValueError("must be an amount and a period, as 100000/minute") from None
    return text


def _postgres_url(text: str) -> str:
    return _url(text, ("postgresql", "postgres", "postgresql+psycopg"))


def _redis_url(text: str) -> str:
    return _url(text, ("redis", "rediss", "unix"))


def _url(text: str, schemes: tuple[str, ...]) -> str:
    try:
        parts = urlsplit(text)
        right = parts.scheme in schemes and (parts.port is None or parts.port > 0)
    except ValueError:
        right = False
    if not right:
        raise ValueError(f"must be an address that begins with {schemes[0]}://")
    return text


class _Files(PydanticBaseSettingsSource):
    """Values from the files that variables ending in ``_FILE`` name."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002
        """Return nothing: all values are read at once."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """Return the values, by what their settings are known as.

        Raises:
            SettingsError: a file cannot be read, or its setting has a value as well.
        """
        found = {}
        for field, info in self.settings_cls.model_fields.items():
            alias = info.validation_alias
            names = [_PREFIX + field.upper()]
            if isinstance(alias, AliasChoices):
                names = [str(name) for name in alias.choices]
            for name in names:
                if path := os.environ.get(f"{name}_FILE", "").strip():
                    found[names[0] if alias else field] = _content(name, path)
        return found


def _content(name: str, path: str) -> str:
    """Return what a file says that a variable's twin names."""
    if os.environ.get(name, "").strip():
        raise SettingsError(f"{name} and {name}_FILE are both set; leave one of them out.")
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise SettingsError(f"{name}_FILE names {path}, which cannot be read: {reason}.") from None


class Settings(BaseSettings):
    """Every setting, with its default and its range."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX,
        env_ignore_empty=True,
        frozen=True,
        extra="ignore",
        allow_inf_nan=False,
        hide_input_in_errors=True,
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read arguments, the environment, then the files that it names."""
        return (init_settings, env_settings, _Files(settings_cls))

    @model_validator(mode="before")
    @classmethod
    def _without_blanks(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Leave out white space around values: files of variables may end lines as Windows does."""
        stripped = {
            name: value.strip() if isinstance(value, str) else value
            for name, value in values.items()
        }
        return {name: value for name, value in stripped.items() if value != ""}

    database_url: Annotated[str, AfterValidator(_postgres_url)] = Field(
        "postgresql://postgres@127.0.0.1:5432/actinium",
        validation_alias=AliasChoices("ACTINIUM_DATABASE_URL", "DATABASE_URL"),
        description="The PostgreSQL server; it holds all data.",
    )
    redis_url: Annotated[str, AfterValidator(_redis_url)] = Field(
        "redis://127.0.0.1:6379/0",
        validation_alias=AliasChoices("ACTINIUM_REDIS_URL", "REDIS_URL"),
        description="The Redis server, which only wakes idle workers; its content can be lost.",
    )
    service_password: SecretStr | None = Field(
        None,
        description="Password of the role `actinium_service`, which can read and write rows, and "
        "nothing else. If set, `actinium-admin migrate` makes the role, gives it what API, "
        "scheduler and workers need, and sets its password.",
    )
    database_pool_size: int = Field(
        10, ge=1, description="Database connections the API keeps open."
    )

    statement_seconds: float = Field(
        30.0,
        ge=0,
        description="Longest that one statement of the API may take in the database; 0: any time.",
    )

    home: Path = Field(
        Path(".actinium"),
        description="Folder of the embedded servers' data, of checkpoints and of signs of life.",
    )
    scratch_dir: Path | None = Field(
        None,
        description="Folder of large files that can be lost: uploads that are being read, exports "
        "that are being made, and the uploaded data sets that the workers of a machine keep; "
        "`ACTINIUM_HOME` if not set.",
    )
    host: str = Field("127.0.0.1", description="Address the API listens on.")
    port: int = Field(8000, ge=0, le=65535, description="Port the API listens on.")
    workers: int | None = Field(
        None, ge=0, description="Workers that `make up` starts; one per core if not set."
    )
    data_dir: Path | None = Field(
        None, description="Folder of the data sets; `data/` of the repository if not set."
    )

    api_key: SecretStr | None = Field(
        None,
        description="A key with every scope, for deployments that choose their own secret.",
    )
    rate_limit: Annotated[str, AfterValidator(_rate)] = Field(
        "100000/minute", description="Most requests of one caller, as amount/period."
    )
    computing_processes: int = Field(
        2,
        ge=1,
        description="Processes in which the API compares, draws and searches; each uses a core.",
    )
    computing_queue: int = Field(
        32,
        ge=2,
        description="Most requests that wait for such a process; one caller has half of it.",
    )
    computing_seconds: float = Field(
        60.0, gt=0, description="Longest that one request waits for a process, or computes in it."
    )
    max_streams: int = Field(500, ge=1, description="Most live streams of events.")
    max_streams_per_caller: int = Field(
        250, ge=1, description="Most live streams of one key, or of one address without a key."
    )
    max_waits: int = Field(200, ge=1, description="Most requests with `Prefer: wait` at a time.")
    max_waits_per_caller: int = Field(100, ge=1, description="Most of these of one caller.")
    max_exports: int = Field(8, ge=1, description="Most exports of histories at a time.")
    max_exports_per_caller: int = Field(4, ge=1, description="Most of these of one caller.")
    max_body_bytes: int = Field(1_000_000, ge=1_000, description="Most bytes of a request body.")
    max_connections: int = Field(
        1_000, ge=1, description="Most open connections to the API; more are answered with 503."
    )
    requests_at_once: int = Field(
        8,
        ge=1,
        description="Requests that a process of the API works on at a time; one caller has half.",
    )
    turn_seconds: float = Field(
        60.0, gt=0, description="Longest that a request waits to be one of these."
    )
    head_seconds: float = Field(
        10.0, gt=0, description="Time in which the head of a request must be complete."
    )
    body_seconds: float = Field(
        60.0, gt=0, description="Time in which the body of a request must be complete."
    )
    stalled_seconds: float = Field(
        30.0, gt=0, description="Time after which a client that reads nothing is cut off."
    )
    hang_seconds: float = Field(
        60.0,
        ge=0,
        description="Time after which an API whose event loop hangs ends, to be started again; "
        "with 0 it never does.",
    )
    max_runs: int = Field(10_000, ge=1, description="Most runs of one experiment.")
    max_queued_runs: int = Field(
        100_000, ge=1, description="Most runs of one key that wait at the same time."
    )
    max_running_runs: int | None = Field(
        None,
        ge=1,
        description="Most runs of one key that train at the same time; without a limit if not set.",
    )
    max_epochs: int = Field(20_000, ge=0, description="Most epochs of a run.")
    max_parameters: int = Field(50_000_000, ge=1, description="Most weights and biases of a model.")
    max_batch_values: int = Field(
        250_000_000, ge=1, description="Most values that the layers keep for one batch."
    )
    idempotency_hours: float = Field(
        24.0, gt=0, description="How long an Idempotency-Key is remembered."
    )
    event_retention_days: float = Field(
        30.0, gt=0, description="How long events, and the log of webhook deliveries, are kept."
    )
    sse_heartbeat_seconds: float = Field(
        15.0, gt=0, description="Silence after which a stream of events sends a comment."
    )

    max_upload_bytes: int = Field(
        200_000_000, ge=1_000, description="Most bytes of an uploaded data set's file."
    )
    max_upload_rows: int = Field(
        1_000_000, ge=2, description="Most rows, or images, of an uploaded data set."
    )
    max_upload_columns: int = Field(
        10_000, ge=2, description="Most columns of an uploaded data set."
    )
    max_upload_pixels: int = Field(
        1_048_576, ge=1, description="Most pixels (width times height) of an uploaded image."
    )
    upload_memory_bytes: int = Field(
        3_000_000_000,
        ge=300_000_000,
        description="Most memory, as address space, of the process that reads an upload.",
    )
    upload_seconds: float = Field(
        120.0, gt=0, description="Longest that a process may read an upload."
    )
    upload_transfer_seconds: float = Field(
        600.0, gt=0, description="Time in which the body of an upload must be complete."
    )
    upload_cache_bytes: int = Field(
        5_000_000_000,
        ge=0,
        description="Most bytes of uploaded data sets that the workers of a machine keep; the one "
        "in use is kept anyway.",
    )

    max_webhooks: int = Field(100, ge=0, description="Most webhooks.")
    webhook_private_addresses: bool = Field(
        False, description="Whether webhooks may be sent to private and local addresses."
    )
    webhook_timeout_seconds: float = Field(
        15.0, gt=0, description="Time that a webhook's receiver has to answer."
    )
    webhook_retry_seconds: Annotated[str, AfterValidator(_pauses)] = Field(
        "5,300,1800,7200,18000,36000,50400,72000,86400",
        description="Pauses before further attempts to deliver a webhook's message, with commas "
        "between them; after the last one the message is given up.",
    )

    webhook_failing_days: float = Field(
        5.0,
        gt=0,
        description="Time without any message delivered after which a webhook whose "
        "receiver fails is disabled.",
    )

    lease_seconds: float = Field(
        30.0,
        gt=0,
        description="How long a run stays leased to a worker that gives no sign of life.",
    )
    renew_seconds: float = Field(
        1.0, gt=0, description="How often a worker renews its leases and looks for cancelled runs."
    )
    step_seconds: float = Field(
        3600.0,
        gt=0,
        description="Longest that one step of a training may take; a process that is silent for "
        "longer counts as hanging, and its runs are tried again.",
    )
    sweep_seconds: float = Field(
        5.0, gt=0, description="How often the scheduler looks for lost runs and for waiting runs."
    )
    retry_backoff_seconds: float = Field(
        2.0, ge=0, description="Pause before a failed attempt is repeated; it doubles each time."
    )
    worker_seen_seconds: float = Field(
        20.0, gt=0, description="Time without a sign of life after which a worker counts as gone."
    )
    training_threads: Annotated[int, Field(ge=1, le=256)] | None = Field(
        None,
        description="CPU threads of a training that is not batched. If not set: the cores divided "
        "among the runs of the experiment, 1 to 8; on a GPU 1.",
    )
    cores: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        ge=1,
        description="Cores that the trainings of one machine share. They decide the threads of a "
        "training where `ACTINIUM_TRAINING_THREADS` is not set.",
    )
    pack_size: int = Field(
        32,
        ge=1,
        le=1024,
        description="Most runs trained together as one batched job; it changes no result.",
    )
    worker_memory_bytes: int | None = Field(
        None,
        ge=1,
        description="Memory that a worker has for its runs. If not set: its GPU's, or the rest of "
        "its container's limit, or of the machine's. Set for the API, it admits runs for workers "
        "that start later.",
    )
    soft_shutdown_seconds: float = Field(
        20.0, ge=0, description="Time that a stopping worker has to give its runs back."
    )
    checkpoint_dir: str | None = Field(
        None,
        description="Folder or URL (`s3://bucket/prefix`) of checkpoints, weights and uploaded "
        "data sets; `training` in `ACTINIUM_HOME` if not set.",
    )
    checkpoint_seconds: float = Field(
        60.0, gt=0, description="Age of the last checkpoint at which one is saved inside an epoch."
    )
    weights_retention_days: float = Field(
        30.0, ge=0, description="How long the weights of an ended run are kept; with 0 none are."
    )
    log_json: bool = Field(False, description="Whether to log JSON lines instead of text.")
    log_level: Annotated[str, AfterValidator(_log_level)] = Field(
        "INFO", description="Least severe level that is logged."
    )

    @property
    def limits(self) -> Limits:
        """Return the limits of a spec."""
        return Limits(
            max_runs=self.max_runs,
            max_epochs=self.max_epochs,
            max_parameters=self.max_parameters,
            max_batch_values=self.max_batch_values,
        )

    @property
    def webhook_pauses(self) -> tuple[float, ...]:
        """Return the pauses between attempts to deliver a webhook's message, in seconds."""
        return tuple(float(pause) for pause in self.webhook_retry_seconds.split(",") if pause)

    @property
    def scratch(self) -> Path:
        """Return the folder of large files that can be lost."""
        return self.scratch_dir or self.home

    @property
    def sqlalchemy_url(self) -> str:
        """Return the database's URL in the form that names the driver."""
        scheme, separator, rest = self.database_url.partition("://")
        return f"postgresql+psycopg{separator}{rest}" if "postgres" in scheme else self.database_url


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """Return the settings, read once per process.

    Raises:
        SettingsError: a variable has a value that its setting cannot take.
    """
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError("\n".join(map(_sentence, error.errors()))) from None


#: What pydantic says of a text that is no value of its type, in words for whoever set it.
_REASONS = {
    "int_parsing": "must be a whole number",
    "float_parsing": "must be a number",
    "bool_parsing": "must be true or false",
}


def _sentence(error: ErrorDetails) -> str:
    """Return what is wrong with a variable. Its value is not shown: it may hold a password."""
    reason = error["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return f"{_variable(error)} {_REASONS.get(error['type'], reason.replace('should', 'must'))}."


def _variable(error: ErrorDetails) -> str:
    name = str(error["loc"][0]).upper().removeprefix(_PREFIX)
    # Two of them are also read without the prefix.
    return name if f"{_PREFIX}{name}" not in os.environ and name in os.environ else _PREFIX + name
