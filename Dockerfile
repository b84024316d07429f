# The workers of Hookflash: docker build --tag hookflash .
# The Python that the tests run on: a workflow is replayed, and another minor version may replay it differently.
FROM python:3.11.17-slim-bookworm AS python

# uv in the version of scripts/bootstrap.py.
FROM ghcr.io/astral-sh/uv:0.13.8 AS uv

FROM python AS build
COPY --from=uv /uv /usr/local/bin/uv
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_NO_CACHE=1 UV_PYTHON_DOWNLOADS=never
WORKDIR /opt/hookflash
# What is locked changes seldom, and is a layer of its own.
COPY pyproject.toml uv.lock ./
RUN uv sync --locked --no-default-groups --group engine --no-install-project
COPY README.md LICENSE ./
COPY src/ src/
RUN uv sync --locked --no-default-groups --group engine --no-editable

FROM python
RUN groupadd --gid 10001 hookflash \
  && useradd --uid 10001 --gid hookflash --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin hookflash
WORKDIR /opt/hookflash
COPY --from=build /opt/hookflash/.venv .venv
COPY activities/ activities/
COPY workflows/ workflows/
COPY workers/ workers/
ENV PATH=/opt/hookflash/.venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# Whoever cloned it may keep it from others, and the user below is another. Compiled once here, in place of at each start.
RUN chmod -R a+rX activities workflows workers \
  && python -m compileall -q activities workflows workers
# By number, so that Kubernetes can see that it is not root. Nothing is written: the container can be read-only.
USER 10001:10001
ENV HOOKFLASH_HEALTH_ADDRESS=127.0.0.1:8090
# Alive, not ready: whether Temporal can be reached is no reason to restart a worker.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
  CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8090/livez', timeout=3)"]
# SIGTERM drains: what has begun may take HOOKFLASH_GRACEFUL_SHUTDOWN_TIMEOUT to end, so give it longer than that.
STOPSIGNAL SIGTERM
ENTRYPOINT ["python", "-m", "workers"]
