"""O que o serviço serve: `make run` o inicia, e qualquer servidor WSGI que receba `app.api:app`."""

from flask import Flask

from app.produtos.api import produtos
from app.usuarios.api import usuarios
from core.api import prepare

app = Flask(__name__)
prepare(app)
app.register_blueprint(usuarios)
app.register_blueprint(produtos)
