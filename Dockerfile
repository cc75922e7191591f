# The service alone. Build: docker build -t pathprint .
# Run:  docker run --rm -p 8000:8000 -v "$PWD/bundles/digits:/bundle:ro" --read-only --tmpfs /tmp \
#         -v "$PWD/keys.toml:/keys.toml:ro" -e PATHPRINT_KEYS=/keys.toml pathprint
# It listens on all addresses, so it wants keys (`pathprint keys new`), or -e PATHPRINT_ALLOW_ANONYMOUS=true.
FROM python:3.13-slim AS build
COPY requirements/bootstrap.txt requirements/service.txt /requirements/
RUN python -m venv /opt/pathprint \
 && /opt/pathprint/bin/pip install --no-cache-dir --require-hashes -r /requirements/bootstrap.txt \
 && /opt/pathprint/bin/uv pip install --no-cache --python /opt/pathprint/bin/python --compile-bytecode \
      --require-hashes -r /requirements/service.txt
COPY src /opt/app/src
COPY models /opt/app/models
COPY profiling /opt/app/profiling
COPY app /opt/app/app

FROM python:3.13-slim
RUN useradd --uid 10001 --no-create-home pathprint
COPY --from=build /opt/pathprint /opt/pathprint
COPY --from=build /opt/app /opt/app
WORKDIR /opt/app
# The running container may be read-only but for /tmp, and numba needs a place for what it compiles at start.
ENV PYTHONPATH=/opt/app/src PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 OMP_WAIT_POLICY=PASSIVE NUMBA_CACHE_DIR=/tmp/numba
USER 10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --start-period=180s CMD ["/opt/pathprint/bin/python", "-P", "-m", "pathprint.app", "--health"]
# -P: the working directory does not come first among the folders that Python imports from.
ENTRYPOINT ["/opt/pathprint/bin/python", "-P", "-m", "pathprint.app"]
CMD ["/bundle", "--host", "0.0.0.0"]
