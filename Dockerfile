# The API with its embedded server: `docker run` alone works, and CONTROLPLANE_DATABASE_URL takes a server.
FROM python:3.12-slim

WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
COPY sql ./sql
RUN python -m pip install --no-cache-dir . \
 && useradd --system --create-home --home-dir /var/lib/controlplane controlplane

USER controlplane
WORKDIR /var/lib/controlplane
ENV CONTROLPLANE_DATA_DIR=/var/lib/controlplane/data \
    CONTROLPLANE_HOST=0.0.0.0 \
    CONTROLPLANE_PORT=8000 \
    CONTROLPLANE_LOG_FORMAT=json
VOLUME /var/lib/controlplane
EXPOSE 8000

HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]

STOPSIGNAL SIGTERM
ENTRYPOINT ["controlplane"]
CMD ["up"]
