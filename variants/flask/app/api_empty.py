"""What the service serves: `make run` starts it, as does any WSGI server given `app.api:app`."""

from flask import Flask

from core.api import prepare

app = Flask(__name__)
prepare(app)  # then app.register_blueprint(...) for each module's blueprint
