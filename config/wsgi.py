import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()

# Once, before the server forks, and shared by its processes.
from coding.warm import warm  # noqa: E402

warm()
