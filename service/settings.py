"""Settings, read from the environment with one prefix: ``ACTINIUM_``.

``DATABASE_URL`` and ``REDIS_URL`` are also read without the prefix, as platforms set them.
Every setting stands in docs/settings.md, or a test fails.
"""

import math
import os
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from service.specs.limits import Limits


def _numbers(text: str) -> str:
    for each in filter(None, text.split(",")):
        if not 0 <= float(each) < math.inf:
            raise ValueError("The pauses are seconds, with commas between them.")
    return text


class Settings(BaseSettings):
    """All that can be set without touching the code."""

    model_config = SettingsConfigDict(env_prefix="ACTINIUM_", frozen=True, extra="ignore")

    database_url: str = Field(
        "postgresql://postgres@127.0.0.1:5432/actinium",
        validation_alias=AliasChoices("ACTINIUM_DATABASE_URL", "DATABASE_URL"),
        description="The PostgreSQL that holds everything.",
    )
    redis_url: str = Field(
        "redis://127.0.0.1:6379/0",
        validation_alias=AliasChoices("ACTINIUM_REDIS_URL", "REDIS_URL"),
        description="The Redis that Celery rings its doorbell on; holds nothing that matters.",
    )
    database_pool_size: int = Field(10, ge=1, description="Connections the API keeps open.")

    home: Path = Field(Path(".actinium"), description="Where the embedded stack keeps its data.")
    host: str = Field("127.0.0.1", description="Address the API listens on.")
    port: int = Field(8000, ge=0, le=65535, description="Port the API listens on.")
    workers: int | None = Field(
        None, ge=0, description="Workers `make up` starts; one a core if not set."
    )
    data_dir: Path | None = Field(
        None, description="Folder of the data sets; the repository's `data/` if not set."
    )

    api_key: SecretStr | None = Field(
        None,
        description="One key with every scope, for deployments that bring their own secret.",
    )
    rate_limit: str = Field(
        "100000/minute", description="Requests one caller may make, as amount/period."
    )
    max_body_bytes: int = Field(1_000_000, ge=1_000, description="Largest request body.")
    max_runs: int = Field(10_000, ge=1, description="Most runs of one experiment.")
    max_epochs: int = Field(20_000, ge=0, description="Most epochs of a run.")
    max_parameters: int = Field(50_000_000, ge=1, description="Most weights and biases of a model.")
    max_batch_values: int = Field(
        250_000_000, ge=1, description="Most values the layers hold for one batch."
    )
    idempotency_hours: float = Field(
        24.0, gt=0, description="How long an Idempotency-Key is remembered."
    )
    event_retention_days: float = Field(
        30.0, gt=0, description="How long events of a live stream can be replayed."
    )
    sse_heartbeat_seconds: float = Field(
        15.0, gt=0, description="Silence after which a live stream sends a comment."
    )

    max_webhooks: int = Field(100, ge=0, description="Most webhooks that may be subscribed.")
    webhook_private_addresses: bool = Field(
        False, description="Whether webhooks may lead to private and local addresses."
    )
    webhook_timeout_seconds: float = Field(
        15.0, gt=0, description="Longest time a webhook's receiver has to answer."
    )
    webhook_retry_seconds: Annotated[str, AfterValidator(_numbers)] = Field(
        "5,300,1800,7200,18000,36000,50400,72000,86400",
        description="Pauses after a webhook's failed attempts; after the last it is given up.",
    )

    lease_seconds: float = Field(
        30.0, gt=0, description="How long a run stays a worker's without a sign of life."
    )
    renew_seconds: float = Field(
        1.0, gt=0, description="How often a worker renews its lease and looks for a cancel."
    )
    sweep_seconds: float = Field(
        5.0, gt=0, description="How often the scheduler looks for lost and waiting runs."
    )
    retry_backoff_seconds: float = Field(
        2.0, ge=0, description="Pause before a failed attempt is repeated; doubles each time."
    )
    worker_seen_seconds: float = Field(
        20.0, gt=0, description="A worker silent for longer counts as gone."
    )
    training_threads: Annotated[int, Field(ge=1, le=256)] | None = Field(
        None,
        description="CPU threads of one training that is not batched; if not set, an experiment "
        "with fewer runs than cores shares the cores among them, else 1.",
    )
    cores: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        ge=1,
        description="Cores that trainings share on one machine, its own if not set; decides their "
        "threads where `ACTINIUM_TRAINING_THREADS` is not set.",
    )
    pack_size: int = Field(
        32,
        ge=1,
        le=1024,
        description="Most runs trained together as one batched job; changes no result.",
    )
    soft_shutdown_seconds: float = Field(
        20.0, ge=0, description="Time a stopping worker has to give its run back."
    )
    checkpoint_dir: str | None = Field(
        None,
        description="Folder or URL (`s3://...`) of checkpoints and weights; `training` in the home "
        "if not set.",
    )
    checkpoint_seconds: float = Field(
        60.0, gt=0, description="Training time after which a long epoch saves a checkpoint."
    )
    weights_retention_days: float = Field(
        30.0, ge=0, description="How long weights can be downloaded after a run; 0: not at all."
    )
    log_json: bool = Field(False, description="Log JSON lines instead of text for people.")
    log_level: str = Field("INFO", description="Least severe level that is logged.")

    @property
    def limits(self) -> Limits:
        """The limits of a spec."""
        return Limits(
            max_runs=self.max_runs,
            max_epochs=self.max_epochs,
            max_parameters=self.max_parameters,
            max_batch_values=self.max_batch_values,
        )

    @property
    def webhook_pauses(self) -> tuple[float, ...]:
        """Seconds between the attempts to deliver a webhook's message."""
        return tuple(float(each) for each in self.webhook_retry_seconds.split(",") if each)

    @property
    def sqlalchemy_url(self) -> str:
        """The database's URL in the form that names the driver."""
        scheme, separator, rest = self.database_url.partition("://")
        return f"postgresql+psycopg{separator}{rest}" if "postgres" in scheme else self.database_url


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """Read the settings once a process."""
    return Settings()
