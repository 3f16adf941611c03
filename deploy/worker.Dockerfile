# A worker, on a CPU or a GPU: torch and the data sets too.
#
#     docker build -f deploy/worker.Dockerfile -t actinium-worker .
#
# Which build of torch it gets, for CPUs or for CUDA, is decided by the package index given as
# PIP_EXTRA_INDEX_URL; docs/howto/gpu-workers.md tells more.
#
# Pinned by tag. Where the exact bytes matter, pass PYTHON_IMAGE with the digest that your
# registry shows for it (name:tag@sha256:...).
ARG PYTHON_IMAGE=python:3.11.15-slim-trixie

FROM ${PYTHON_IMAGE} AS build
# pip reads these two by itself: an own package index is given when building, and kept nowhere.
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/actinium
ENV PATH=/opt/actinium/bin:$PATH
COPY deploy/requirements/worker.txt /tmp/requirements.txt
RUN pip install --require-hashes --requirement /tmp/requirements.txt \
    && pip install torch==2.13.0
# The command and the version alone; the code itself runs from /app.
COPY pyproject.toml README.md LICENSE /tmp/package/
RUN pip install --no-deps --no-build-isolation /tmp/package
COPY service /app/service
COPY workers /app/workers
COPY migrations /app/migrations
RUN python -m compileall -q --invalidation-mode unchecked-hash /app

FROM ${PYTHON_IMAGE}
# A new volume takes over the owner of the folder that it is mounted on.
RUN groupadd --gid 10001 actinium \
    && useradd --uid 10001 --gid 10001 --home-dir /tmp --no-create-home --shell /usr/sbin/nologin \
        actinium \
    && install --directory --owner=actinium --group=actinium /var/lib/actinium
COPY --from=build /opt/actinium /opt/actinium
COPY data /app/data
COPY --from=build /app /app
ENV PATH=/opt/actinium/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    MPLCONFIGDIR=/tmp/matplotlib \
    ACTINIUM_DATA_DIR=/app/data
WORKDIR /app
USER 10001:10001
STOPSIGNAL SIGTERM
CMD ["python", "-m", "workers", "--device", "cpu"]
