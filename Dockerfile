# One image, two jobs: `ingest` and `run --from stg_fees` are arguments, the account is the job's.
#
#   docker build --build-arg GIT_SHA="$(git rev-parse HEAD)" --tag fees-etl .
#
# The version is the one that the tests run on. The tag says it to people, the digest decides: a tag can be moved. The
# next one is what `docker buildx imagetools inspect python:TAG` prints.
ARG PYTHON=python:3.11.14-slim-bookworm@sha256:65a93d69fa75478d554f4ad27c85c1e69fa184956261b4301ebaf6dbb0a3543d

FROM ${PYTHON} AS wheel
WORKDIR /src
COPY requirements-build.lock ./
RUN pip install --no-cache-dir --require-hashes --only-binary :all: --requirement requirements-build.lock
COPY pyproject.toml README.md LICENSE ./
COPY fees_etl fees_etl
COPY sql sql
RUN pip wheel --no-cache-dir --no-deps --no-build-isolation --no-index --wheel-dir /wheels .

FROM ${PYTHON}
COPY requirements-runtime.lock /
RUN pip install --no-cache-dir --require-hashes --only-binary :all: --requirement /requirements-runtime.lock
RUN --mount=type=bind,from=wheel,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-deps --no-index /wheels/*.whl
ENV PYTHONUNBUFFERED=1
WORKDIR /srv
USER 65532:65532
# Last, so that a new commit with the same dependencies shares every layer above.
ARG GIT_SHA=""
ENV FEES_ETL_GIT_SHA=${GIT_SHA}
LABEL org.opencontainers.image.revision=${GIT_SHA}
ENTRYPOINT ["fees-etl"]
