# The API, the scheduler and the migrations: everything but torch and the data sets.
#
#     docker build -f deploy/api.Dockerfile -t actinium-api .
#
# Pinned by tag. Where the exact bytes matter, pass PYTHON_IMAGE with the digest that your
# registry shows for it (name:tag@sha256:...).
ARG PYTHON_IMAGE=python:3.11.15-slim-trixie

# What is installed, by hashes. Only the lock file renews this layer.
FROM ${PYTHON_IMAGE} AS packages
# pip reads these two by itself: an own package index is given when building, and kept nowhere.
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# The environment has no pip of its own: the image's installs into it and stays behind.
RUN python -m venv --without-pip /opt/actinium
COPY deploy/requirements/api.txt /tmp/requirements.txt
# The secret `ca`: certificates of a company whose proxy opens TLS; an empty file where there is none.
RUN --mount=type=secret,id=ca [ ! -s /run/secrets/ca ] || export PIP_CERT=/run/secrets/ca; \
    pip --python /opt/actinium/bin/python install --require-hashes --requirement /tmp/requirements.txt

# The code, and the package's own record: its version and the command.
FROM packages AS code
COPY deploy/requirements/build.txt /tmp/build.txt
RUN --mount=type=secret,id=ca [ ! -s /run/secrets/ca ] || export PIP_CERT=/run/secrets/ca; \
    pip --python /opt/actinium/bin/python install --require-hashes --requirement /tmp/build.txt
COPY pyproject.toml README.md LICENSE /tmp/package/
RUN pip --python /opt/actinium/bin/python install --no-deps --no-build-isolation --target /app /tmp/package
COPY service /app/service
COPY migrations /app/migrations
COPY docs /app/docs
RUN /opt/actinium/bin/python -m compileall -q --invalidation-mode unchecked-hash /app

FROM ${PYTHON_IMAGE}
# Nothing is installed from here on. A new volume takes over the owner of the folder that it is
# mounted on.
RUN rm -rf /usr/local/bin/pip* /usr/local/lib/python3*/site-packages/* /usr/local/lib/python3*/ensurepip \
    && groupadd --gid 10001 actinium \
    && useradd --uid 10001 --gid 10001 --home-dir /tmp --no-create-home --shell /usr/sbin/nologin \
        actinium \
    && install --directory --owner=actinium --group=actinium /var/lib/actinium
COPY --from=packages /opt/actinium /opt/actinium
COPY --from=code /app /app
ENV PATH=/app/bin:/opt/actinium/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    MPLCONFIGDIR=/tmp/matplotlib
WORKDIR /app
USER 10001:10001
STOPSIGNAL SIGTERM
CMD ["actinium-admin", "api"]
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Actinium API" \
    org.opencontainers.image.description="The API, the scheduler and the migrations of Actinium" \
    org.opencontainers.image.licenses=MIT \
    org.opencontainers.image.version=$VERSION \
    org.opencontainers.image.revision=$REVISION
