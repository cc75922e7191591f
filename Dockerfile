# The service, and the batch jobs. docs/deploy.md says how to build it behind a mirror or on another base.
#   docker build -t pathprint .                            # or podman/buildah build --format docker, for HEALTHCHECK
#   docker run --rm -p 127.0.0.1:8000:8000 --read-only --tmpfs /tmp pathprint              # an example: digits
#   docker run --rm … -v "$PWD/my-bundle:/bundle:ro" -v "$PWD/keys.toml:/keys.toml:ro" -e PATHPRINT_KEYS=/keys.toml pathprint
# The base has Python 3.11 or newer as python3, with venv: python:3.13-slim, or Debian with python3-venv.
ARG BASE=python:3.13-slim

FROM ${BASE} AS build
# TORCH=cpu takes PyTorch's CPU wheels, as in the Makefile: from their own index, or from the one in TORCH_INDEX_URL.
ARG TORCH=cuda
# REQUIREMENTS=batch adds what jobs at scale need: Ray, Parquet, data behind URLs, foolbox, OpenTelemetry.
ARG REQUIREMENTS=service
# Mirrors. Credentials belong into the secrets `pip` and `uv` (files pip.conf and uv.toml), which no layer keeps.
ARG PIP_INDEX_URL
ARG UV_INDEX_URL
ARG TORCH_INDEX_URL
WORKDIR /build
COPY requirements requirements
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=uv,target=/etc/uv/uv.toml \
    python3 -m venv tools \
 && tools/bin/pip install --no-cache-dir --quiet --require-hashes -r requirements/image.txt \
 && python3 -m venv --without-pip /opt/pathprint \
 && cp tools/bin/dumb-init /opt/pathprint/bin/ \
 && export UV_NO_CACHE=1 VIRTUAL_ENV=/opt/pathprint \
 && if [ "$TORCH" = cpu ]; then \
      sed -E '/^(cuda-|nvidia-|torch(vision)?=|triton=)/,/# via/d' "requirements/$REQUIREMENTS.txt" > others.txt \
      && tools/bin/uv pip install --quiet --no-deps --require-hashes -r others.txt \
      && grep -oE '^torch(vision)?==[^ ]+' "requirements/$REQUIREMENTS.txt" > torch.txt \
      && if [ -n "$TORCH_INDEX_URL" ]; then \
           tools/bin/uv pip install --quiet --no-deps --default-index "$TORCH_INDEX_URL" -r torch.txt; \
         else tools/bin/uv pip install --quiet --no-deps --torch-backend cpu -r torch.txt; fi; \
    else tools/bin/uv pip install --quiet --require-hashes -r "requirements/$REQUIREMENTS.txt"; fi \
 && rm -rf /opt/pathprint/lib/python3*/site-packages/torch/include
COPY pyproject.toml README.md LICENSE ./
COPY src src
COPY models models
COPY profiling profiling
COPY app app
# Numba compares times of files to the nanosecond, and layers keep whole seconds.
RUN tools/bin/python -m hatchling build -t wheel -d dist \
 && tools/bin/uv pip install --quiet --no-cache --no-deps --python /opt/pathprint/bin/python dist/*.whl \
 && find /opt/pathprint/lib/python3*/site-packages/pathprint -type f -exec touch --date=2020-01-01T00:00:00Z {} + \
 && /opt/pathprint/bin/python -m compileall -q /opt/pathprint/lib/python3*/site-packages/pathprint
COPY deploy/container/start.py /opt/pathprint/start.py
# The example is made, measured, served and asked here. That compiles the loops, for processors with AVX2, and leaves
# bytecode of just those modules of PyTorch and others that are imported.
ENV NUMBA_CPU_NAME=x86-64-v3 NUMBA_CPU_FEATURES="" OMP_WAIT_POLICY=PASSIVE
RUN /opt/pathprint/bin/python /opt/pathprint/start.py quickstart --out /opt/pathprint/bundles/digits \
 && rm -f /opt/pathprint/bundles/digits.html \
 && du -m --max-depth=0 --threshold=20M /opt/pathprint/lib/python3*/site-packages/* \
 && du -sm /opt/pathprint

FROM ${BASE}
LABEL org.opencontainers.image.title="pathprint" \
      org.opencontainers.image.description="Detects adversarial images by their effective path" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
# What installs packages is taken off the base, too. KubeRay starts its programs in a login shell: it needs the links.
RUN useradd --uid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin pathprint \
 && rm -rf /usr/local/bin/pip* /usr/local/lib/python3*/site-packages/pip* /usr/local/lib/python3*/ensurepip \
      /usr/lib/python3*/ensurepip /usr/share/python-wheels \
 && mkdir /bundle /jobs \
 && ln -s /opt/pathprint/bin/pathprint /opt/pathprint/bin/ray /usr/local/bin/
COPY --from=build /opt/pathprint /opt/pathprint
WORKDIR /jobs
# The running container may be read-only but for /tmp. NUMBA_CPU_NAME=host compiles for the processor that is there.
ENV PATH=/opt/pathprint/bin:/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin \
    HOME=/tmp PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    OMP_WAIT_POLICY=PASSIVE NUMBA_CPU_NAME=x86-64-v3 NUMBA_CPU_FEATURES=""
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=180s \
  CMD ["/opt/pathprint/bin/python", "-P", "-m", "pathprint.app", "--health"]
# dumb-init is process 1: it hands signals on to the program alone, and takes in what orphans leave. After -P the
# working directory does not come first among the folders that Python imports from.
ENTRYPOINT ["/opt/pathprint/bin/dumb-init", "--single-child", "--", "/opt/pathprint/bin/python", "-P", "/opt/pathprint/start.py"]
CMD []
