# A worker, on a CPU or a GPU: torch and the data sets too.
#
#     docker build -f deploy/worker.Dockerfile -t actinium-worker .
#
# It gets torch's build for CPUs. With `--build-arg TORCH_INDEX=` it gets what the plain package
# index has, on Linux the build for CUDA; docs/howto/gpu-workers.md tells more.
#
# Pinned by tag. Where the exact bytes matter, pass PYTHON_IMAGE with the digest that your
# registry shows for it (name:tag@sha256:...).
ARG PYTHON_IMAGE=python:3.11.15-slim-trixie

FROM ${PYTHON_IMAGE} AS python
# pip reads these two by itself: an own package index is given when building, and kept nowhere.
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1

# torch, in a folder and a layer of its own. What it needs besides is in the lock file.
FROM python AS torch
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
# The secret `ca`: certificates of a company whose proxy opens TLS; an empty file where there is none.
# hadolint ignore=DL3013,SC2086
RUN --mount=type=secret,id=ca [ ! -s /run/secrets/ca ] || export PIP_CERT=/run/secrets/ca; \
    pip install --target /opt/torch ${TORCH_INDEX:+--index-url $TORCH_INDEX} torch==2.13.0
WORKDIR /opt/torch
RUN rm -rf bin torch/include torch/share torch/test \
    filelock* fsspec* jinja2* markupsafe* networkx* sympy* isympy* share mpmath* typing_extensions* \
    setuptools* _distutils_hack distutils-precedence.pth pkg_resources __pycache__

# What else is installed, by hashes. Only the lock file renews this layer.
FROM python AS packages
# The environment has no pip of its own: the image's installs into it and stays behind.
RUN python -m venv --without-pip /opt/actinium
COPY deploy/requirements/worker.txt /tmp/requirements.txt
RUN --mount=type=secret,id=ca [ ! -s /run/secrets/ca ] || export PIP_CERT=/run/secrets/ca; \
    pip --python /opt/actinium/bin/python install --require-hashes --requirement /tmp/requirements.txt
RUN for folder in /opt/actinium/lib/python3*/site-packages; do echo /opt/torch > "$folder/torch.pth"; done

# The code, and the package's own record: its version and the command.
FROM packages AS code
COPY deploy/requirements/build.txt /tmp/build.txt
RUN --mount=type=secret,id=ca [ ! -s /run/secrets/ca ] || export PIP_CERT=/run/secrets/ca; \
    pip --python /opt/actinium/bin/python install --require-hashes --requirement /tmp/build.txt
COPY pyproject.toml README.md LICENSE /tmp/package/
RUN pip --python /opt/actinium/bin/python install --no-deps --no-build-isolation --target /app /tmp/package
COPY service /app/service
COPY workers /app/workers
COPY migrations /app/migrations
RUN /opt/actinium/bin/python -m compileall -q --invalidation-mode unchecked-hash /app

FROM ${PYTHON_IMAGE}
# Nothing is installed from here on. A new volume takes over the owner of the folder that it is
# mounted on.
RUN rm -rf /usr/local/bin/pip* /usr/local/lib/python3*/site-packages/* /usr/local/lib/python3*/ensurepip \
    && groupadd --gid 10001 actinium \
    && useradd --uid 10001 --gid 10001 --home-dir /tmp --no-create-home --shell /usr/sbin/nologin \
        actinium \
    && install --directory --owner=actinium --group=actinium /var/lib/actinium
COPY --from=torch /opt/torch /opt/torch
COPY --from=packages /opt/actinium /opt/actinium
COPY data /app/data
COPY --from=code /app /app
ENV PATH=/app/bin:/opt/actinium/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    NUMBA_CACHE_DIR=/tmp/numba \
    ACTINIUM_DATA_DIR=/app/data
WORKDIR /app
USER 10001:10001
STOPSIGNAL SIGTERM
CMD ["python", "-m", "workers", "--device", "cpu"]
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Actinium worker" \
    org.opencontainers.image.description="A worker of Actinium, which trains on a CPU or a GPU" \
    org.opencontainers.image.licenses=MIT \
    org.opencontainers.image.version=$VERSION \
    org.opencontainers.image.revision=$REVISION
