"""Traces by OpenTelemetry: from a request through the broker and the training to recorded epochs.

Off unless ``OTEL_EXPORTER_OTLP_ENDPOINT`` is set. OpenTelemetry is an extra, so nothing of it is
imported while it is off. docs/howto/monitoring.md shows what a trace has.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_PROTOCOL = "http/protobuf"

#: Of the extra ``tracing``, what every traced process needs.
_NEEDED = (
    "opentelemetry.exporter.otlp.proto.http",
    "opentelemetry.instrumentation.celery",
    "opentelemetry.instrumentation.sqlalchemy",
)

#: The field that W3C's Trace Context and CloudEvents' extension for tracing both use.
TRACEPARENT = "traceparent"

_Attribute = str | int | Sequence[str]


class TracingError(ValueError):
    """Traces are wanted and cannot be sent; the message is a sentence for whoever starts this."""


class _State:
    """The provider of this process; None while traces are off."""

    provider: "TracerProvider | None" = None


def is_wanted() -> bool:
    """Whether the environment names where traces are sent, and does not turn them off."""
    off = os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    none = os.environ.get("OTEL_TRACES_EXPORTER", "").strip().lower() == "none"
    return not (off or none) and any(os.environ.get(name, "").strip() for name in ENDPOINTS)


def check_tracing(*more: str) -> None:
    """Check that traces can be sent where they are wanted.

    Args:
        more: modules that this process needs beside the usual ones.

    Raises:
        TracingError: the extra is not installed, or the environment asks for another protocol.
    """
    if not is_wanted():
        return
    variable = next(name for name in ENDPOINTS if os.environ.get(name, "").strip())
    if any(_is_missing(module) for module in (*_NEEDED, *more)):
        raise TracingError(
            f"{variable} is set, and OpenTelemetry is not installed: "
            "pip install 'actinium-service[tracing]', or unset the variable."
        )
    for name in _PROTOCOLS:
        if os.environ.get(name, "").strip() not in ("", _PROTOCOL):
            raise TracingError(f"{name} must be {_PROTOCOL}: traces are sent by no other protocol.")


def _is_missing(module: str) -> bool:
    try:
        return find_spec(module) is None
    except ModuleNotFoundError:
        return True


def start_tracing(process: str) -> bool:
    """Send this process' traces from now on, where they are wanted.

    It starts a thread, so call it in a process that will not fork.

    Args:
        process: ``api`` or ``worker``; the service's name is ``actinium-`` and this, unless
            ``OTEL_SERVICE_NAME`` has another.

    Returns:
        Whether they are wanted.
    """
    if not is_wanted():
        return False
    if _State.provider is not None:
        return True
    from opentelemetry.instrumentation.celery import CeleryInstrumentor  # noqa: PLC0415
    from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor  # noqa: PLC0415

    _State.provider = _provider(process)
    instrumented: dict[str, Any] = {"tracer_provider": _State.provider}
    CeleryInstrumentor().instrument(**instrumented)  # type: ignore[no-untyped-call]
    # It names no version of SQLAlchemy that is new enough. What it does is tested here.
    SQLAlchemyInstrumentor().instrument(skip_dep_check=True, **instrumented)
    return True


def _provider(process: str) -> "TracerProvider":
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    from opentelemetry.trace import SpanKind  # noqa: PLC0415

    class WithoutLoneStatements(BatchSpanProcessor):
        """Leaves out statements outside any trace: renewals of leases, looks at the schema."""

        def on_end(self, span: ReadableSpan) -> None:
            if span.parent is not None or span.kind is not SpanKind.CLIENT:
                super().on_end(span)

    described = {"service.version": version("actinium-service")}
    if not os.environ.get("OTEL_SERVICE_NAME", "").strip():
        described["service.name"] = f"actinium-{process}"
    provider = TracerProvider(resource=Resource.create(described))
    provider.add_span_processor(WithoutLoneStatements(OTLPSpanExporter()))
    return provider


def provider() -> "TracerProvider | None":
    """Return what this process' spans are made by; None while traces are off."""
    return _State.provider


def stop_tracing() -> None:
    """Send what is not sent yet, where traces are on; no span is kept from now on."""
    if _State.provider is not None:
        _State.provider.shutdown()


def carrier() -> dict[str, str]:
    """Return the context of the current span as the field ``traceparent``; empty without one."""
    carried: dict[str, str] = {}
    if _State.provider is not None:
        from opentelemetry.trace.propagation import tracecontext  # noqa: PLC0415

        tracecontext.TraceContextTextMapPropagator().inject(carried)
    return {name: text for name, text in carried.items() if name == TRACEPARENT}


def span(
    name: str, attributes: Mapping[str, _Attribute], origins: Iterable[str] = ()
) -> AbstractContextManager[object]:
    """Return a context in which a span is open; nothing while traces are off.

    Args:
        name: of the span.
        attributes: of the span.
        origins: what ``carrier`` returned where the work was asked for. The first is the parent;
            the others, and the span that is current, are linked.
    """
    if _State.provider is None:
        return nullcontext()
    from opentelemetry import trace  # noqa: PLC0415
    from opentelemetry.trace.propagation import tracecontext  # noqa: PLC0415

    extract = tracecontext.TraceContextTextMapPropagator().extract
    parents = [extract({TRACEPARENT: origin}) for origin in dict.fromkeys(origins)]
    linked = [trace.get_current_span(parent) for parent in parents[1:]]
    if parents:
        linked.append(trace.get_current_span())
    contexts = [each.get_span_context() for each in linked]
    return _State.provider.get_tracer("actinium").start_as_current_span(
        name,
        context=parents[0] if parents else None,
        attributes=dict(attributes),
        links=[trace.Link(context) for context in contexts if context.is_valid],
    )
