"""Django's settings. What an operator may choose comes from `environment`; the rest is fixed here, with its reason."""

import sys
from pathlib import Path
from urllib.parse import urlsplit

from omniroute_site import theme
from omniroute_site.environment import check_numbers, data_dir, database, env, log_level
from omniroute_site.installation import secret

ROOT = Path(__file__).resolve().parent.parent
check_numbers()
DATA_DIR = data_dir()

DEBUG = env("NODE_ENV") == "development"
SECRET_KEY = secret(DATA_DIR, "JWT_SECRET", env("JWT_SECRET"))
API_KEY_SECRET = secret(DATA_DIR, "API_KEY_SECRET", env("API_KEY_SECRET"))

BASE_URL = env("BASE_URL").rstrip("/") or f"http://localhost:{env('PORT')}"
CLOUD_URL = env("CLOUD_URL").rstrip("/")
REDIS_URL = env("REDIS_URL")
REQUIRE_API_KEY = env("REQUIRE_API_KEY")
ENABLE_REQUEST_LOGS = env("ENABLE_REQUEST_LOGS")
LOGGED_BODY_BYTES = min(env("LOGGED_BODY_KIB"), 1024) * 1024 if ENABLE_REQUEST_LOGS else 0
WEB_CONCURRENCY = env("WEB_CONCURRENCY")
GRACE_SECONDS = env("GRACE_SECONDS")

# Who may be named in a Host header: this machine, what BASE_URL names, and what the operator lists.
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", urlsplit(BASE_URL).hostname or "localhost", *env("ALLOWED_HOSTS")]
CSRF_TRUSTED_ORIGINS = [BASE_URL] if BASE_URL.startswith("https://") else []

INSTALLED_APPS = [
    # daphne replaces `runserver` with an ASGI one. It brings Twisted along (20 MiB), which no web worker needs.
    *(["daphne"] if sys.argv[1:2] == ["runserver"] else []),
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "allauth",
    "allauth.account",
    "django_q",
    "ninja",
    "translator",
    "providers",
    "health",
    "billing",
    "combos",
    "omniroute_site",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]

ROOT_URLCONF = "omniroute_site.urls"
ASGI_APPLICATION = "omniroute_site.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

SQLITE_OPTIONS = {
    # IMMEDIATE: with Django's default, read-then-write transactions of two workers fail at once under WAL.
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": (
        "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA busy_timeout=20000;PRAGMA temp_store=MEMORY;"
    ),
}
DATABASES = {"default": database(DATA_DIR)}
DATABASES["default"]["CONN_MAX_AGE"] = 0
if str(DATABASES["default"]["ENGINE"]).endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = SQLITE_OPTIONS
    # unfold loads PostgreSQL's driver wherever it is installed, which costs every worker 7 MiB for nothing here.
    sys.modules.setdefault("psycopg", None)  # type: ignore[arg-type]
else:
    # The cluster of scheduled work forks, and a pool that was forked hands two processes the same connection.
    if sys.argv[1:2] != ["qcluster"]:
        DATABASES["default"]["OPTIONS"] = {"pool": {"min_size": 0, "max_size": 8, "timeout": 5}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}
CHANNEL_LAYERS = {
    "default": {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": [REDIS_URL]}}
    if REDIS_URL
    else {"BACKEND": "channels.layers.InMemoryChannelLayer"}
}
Q_CLUSTER = {
    "name": "omniroute",
    "orm": "default",
    "workers": 1,
    "poll": 2,
    "timeout": 600,
    "retry": 900,
    "max_attempts": 3,
    "catch_up": False,
    "label": "Scheduled work",
}

AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
# No mail is sent: an Owner sets passwords in the dashboard.
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
ACCOUNT_ADAPTER = "omniroute_site.accounts.InvitationOnly"
# How often a name may be tried is a lockout policy (health.lockouts), kept in the database; this is about addresses.
ACCOUNT_RATE_LIMITS = {"login_failed": "10/m/ip"}
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "admin:index"

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = env("AUTH_COOKIE_SECURE")
SESSION_COOKIE_AGE = 30 * 24 * 3600
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = 3600 if BASE_URL.startswith("https://") else 0
# Who says in BASE_URL that there is TLS has a proxy in front that ends it, and says so in this header.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BASE_URL.startswith("https://") else None
# TLS ends at a front proxy: the redirect to it, and HSTS for sub-domains and preload lists, are that proxy's choice.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W008", "security.W021"]

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English")]
LOCALE_PATHS = [ROOT / "omniroute_site" / "locale"]
TIME_ZONE = "UTC"
USE_I18N = USE_TZ = True

STATIC_URL = "static/"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": log_level()},
    "loggers": {
        "django-q": {"level": "WARNING"},
        "django.request": {"level": "ERROR"},
        "django.security.DisallowedHost": {"level": "CRITICAL"},
        "django.channels.server": {"level": "WARNING"},
    },
}

UNFOLD = theme.UNFOLD
