"""Traces of requests, where they are wanted (``service.tracing``)."""

from celery import shared_task
from fastapi import FastAPI

from service.runs.doorbell import TRAIN_TASK
from service.tracing import check_tracing, provider, start_tracing

#: Paths that monitoring requests all the time.
_UNTRACED_PATHS = "/healthz$,/readyz$,/metrics$"


def check_api_tracing() -> None:
    """Check that requests can be traced, where that is wanted.

    Raises:
        TracingError: they cannot.
    """
    check_tracing("opentelemetry.instrumentation.fastapi")


def trace_requests(app: FastAPI) -> None:
    """Trace the requests of an application that has not started, where traces are on."""
    if provider() is None:
        return
    from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor  # noqa: PLC0415

    FastAPIInstrumentor.instrument_app(
        app,
        tracer_provider=provider(),
        excluded_urls=_UNTRACED_PATHS,
        exclude_spans=["receive", "send"],
    )


def start_api_tracing() -> None:
    """Start traces in a process that serves the API; before it makes its application."""
    if start_tracing("api"):
        # The span of a message that is sent ends only where its task is known in this process.
        shared_task(name=TRAIN_TASK)(_trained_elsewhere)


def _trained_elsewhere() -> None:
    """Stand for the task of workers."""
