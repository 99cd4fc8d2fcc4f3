"""What the service serves: `make run` starts it, as does any WSGI server given `app.api:app`."""

from flask import Flask

from app.produtos.api import produtos
from app.usuarios.api import usuarios
from core.api import prepare

app = Flask(__name__)
prepare(app)
app.register_blueprint(usuarios)
app.register_blueprint(produtos)
