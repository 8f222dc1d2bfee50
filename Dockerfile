FROM python:3.11-slim-bookworm

ENV PYTHONUNBUFFERED=1 VAR_DIR=/var/lib/secondpass
WORKDIR /app
COPY requirements.lock .
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY . .
RUN useradd --system --home /app secondpass \
    && mkdir -p $VAR_DIR \
    && chown secondpass $VAR_DIR \
    && python -m compileall -q config coding nlp scoring
USER secondpass
RUN python manage.py collectstatic --noinput -v 0
EXPOSE 8000
HEALTHCHECK CMD python -c "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=5)"
CMD ["gunicorn", "config.wsgi", "--bind", "0.0.0.0:8000", "--workers", "2", "--threads", "8", "--preload", "--no-control-socket"]
