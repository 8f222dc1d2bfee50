import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()

# The tabular list takes seconds to load: once, before the server forks, and shared by its processes.
from coding import icd10  # noqa: E402

icd10.load()
# The code list is hundreds of thousands of objects: each full collection would walk them in the middle of a request.
gc.freeze()
