"""All settings, read from the environment; the defaults are the embedded demo.

| Variable               | Default                  | Meaning                                                        |
|------------------------|--------------------------|----------------------------------------------------------------|
| DATABASE_URL           | SQLite under VAR_DIR     | postgres://user:password@host/name                             |
| REDIS_URL              | a broker under VAR_DIR   | redis://host:6379/0; absent: Celery over the file system       |
| SECRET_KEY             | made once under VAR_DIR  | required when SECURE is on                                     |
| SILENCE_SECONDS        | 3600                     | after so long without a sign of its coder a chart is released  |
| ALLOWED_HOSTS          | none                     | comma-separated host names, besides localhost                  |
| CSRF_TRUSTED_ORIGINS   | none                     | comma-separated origins, with their scheme                     |
| SECURE                 | false                    | true behind HTTPS: secure cookies, HSTS, redirect              |
| VAR_DIR                | var/                     | everything that the program writes by itself                   |
| TIME_ZONE              | UTC                      | of dates and times on pages                                    |
| ANALYSIS_SECONDS       | 120                      | a note that takes longer is given up                           |
| SWEEP_SECONDS          | 30                       | how often lost work is looked for                              |
| DEBUG                  | false                    | Django's debug pages; refused when SECURE is on                |
"""

from pathlib import Path

import environ
from celery.schedules import crontab
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.core.management.utils import get_random_secret_key
from kombu import Queue

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

VERSION = "0.1.0"
VAR_DIR = Path(env.str("VAR_DIR", default=str(BASE_DIR / "var"))).resolve()
VAR_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)  # the embedded database lies here
SECURE = env.bool("SECURE", default=False)
DEBUG = env.bool("DEBUG", default=False)
if SECURE and DEBUG:
    raise ImproperlyConfigured("SECURE and DEBUG are both on. Debug pages show patients' data: switch DEBUG off.")


def secret_key() -> str:
    """The key from the environment, or one made once for this machine's embedded default."""
    key = env.str("SECRET_KEY", default="")
    if key:
        return key
    if SECURE:
        raise ImproperlyConfigured("SECURE is on and SECRET_KEY is not set. Set it to 50 or more random characters.")
    path = VAR_DIR / "secret_key"
    try:
        with path.open("x", encoding="utf-8") as file:
            path.chmod(0o600)
            file.write(get_random_secret_key())
    except FileExistsError:
        pass
    return path.read_text(encoding="utf-8")


SECRET_KEY = secret_key()
ALLOWED_HOSTS = [*env.list("ALLOWED_HOSTS", default=[]), "localhost", "127.0.0.1", "[::1]"]
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "axes",
    "csp",
    "django_htmx",
    "template_partials",
    "rest_framework",
    "rest_framework.authtoken",
    "drf_spectacular",
    "coding",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "coding.views.middleware.private_pages",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "coding.nav.navigation",
            ],
        },
    }
]

# --- Database ------------------------------------------------------------------------------------------------------

DATABASES = {"default": env.db_url("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'secondpass.sqlite3'}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        # A web process and a worker write to one file: they wait for each other instead of failing, and take the
        # write lock when a transaction begins, so that a read never has to be upgraded under another writer.
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA mmap_size=134217728;",
    }
else:
    DATABASES["default"]["CONN_MAX_AGE"] = 60
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- People --------------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "coding.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_TEMPLATE = "registration/locked_out.html"
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Strict"
SESSION_COOKIE_AGE = 15 * 60  # idle seconds: a coding desk is often shared
SESSION_SAVE_EVERY_REQUEST = True
SESSION_ABSOLUTE_SECONDS = 12 * 60 * 60  # however busy
CSRF_COOKIE_SAMESITE = "Strict"
if SECURE:
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^healthz$"]  # probes come without the proxy
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = True

# --- Pages ---------------------------------------------------------------------------------------------------------

X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "worker-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
LANGUAGE_CODE = "en-us"
TIME_ZONE = env.str("TIME_ZONE", default="UTC")
USE_TZ = True
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = VAR_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]
DATA_UPLOAD_MAX_MEMORY_SIZE = 64 * 1024 * 1024

# --- API -----------------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.PageNumberPagination",
    "PAGE_SIZE": 50,
    "EXCEPTION_HANDLER": "coding.api.exception_handler",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Secondpass",
    "VERSION": VERSION,
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_NAME_OVERRIDES": {
        "ChartStatusEnum": "coding.workflow.ChartStatus",
        "SuggestionStatusEnum": "coding.workflow.SuggestionStatus",
    },
}

# --- Worker --------------------------------------------------------------------------------------------------------

REDIS_URL = env.str("REDIS_URL", default="")
# A note that takes longer is stopped. A run that is older than LEASE_SECONDS has lost its worker, and is sent again.
ANALYSIS_SECONDS = env.int("ANALYSIS_SECONDS", default=120)
LEASE_SECONDS = ANALYSIS_SECONDS + 20
# A chart in review on which its coder does nothing for so long goes back to the queue, with the answers given.
SILENCE_SECONDS = env.int("SILENCE_SECONDS", default=3600)
CELERY_BROKER_URL = REDIS_URL or "filesystem://localhost"
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, object]
if REDIS_URL:
    # A message that a killed worker held comes back after the visibility timeout; it must outlast the longest task.
    CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 900, "unacked_restore_interval": 10}
else:
    _broker = VAR_DIR / "broker"
    for _name in ("queue", "processed", "control"):
        (_broker / _name).mkdir(parents=True, exist_ok=True)
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(_broker / "queue"),
        "data_folder_out": str(_broker / "queue"),
        "processed_folder": str(_broker / "processed"),
        "control_folder": str(_broker / "control"),
        "store_processed": False,
        "polling_interval": 0.05,  # seconds; the default of one would be most of the time that a note takes
    }
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SOFT_TIME_LIMIT = ANALYSIS_SECONDS
CELERY_TASK_TIME_LIMIT = ANALYSIS_SECONDS + 10
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = 2000  # spaCy's vocabulary keeps every string that it has seen
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# The sweep has a queue of its own: behind a long backlog of notes it would come too late to be of use.
CELERY_TASK_QUEUES = [Queue("celery"), Queue("sweep")]
CELERY_TASK_ROUTES = {"coding.tasks.sweep": {"queue": "sweep"}, "coding.tasks.mute_by_policy": {"queue": "sweep"}}
SWEEP_SECONDS = env.int("SWEEP_SECONDS", default=30)
CELERY_BEAT_SCHEDULE = {
    "sweep": {"task": "coding.tasks.sweep", "schedule": SWEEP_SECONDS, "options": {"expires": SWEEP_SECONDS}},
    "mute_by_policy": {"task": "coding.tasks.mute_by_policy", "schedule": 600, "options": {"expires": 600}},
    # A deadline may have passed at midnight.
    "keep": {"task": "coding.tasks.keep_assessments", "schedule": crontab(hour=0, minute=10)},
}
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "celerybeat-schedule")

# --- Logs ----------------------------------------------------------------------------------------------------------
# Notes are patients' data. Our own lines carry ids and counts only; what other packages log stays at WARNING, so
# that raising the worker's log level cannot print a note.

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "coding": {"level": "INFO"},
        "celery": {"level": "INFO"},
        "django.request": {"level": "ERROR"},
    },
}
