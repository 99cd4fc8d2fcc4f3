"""What the service serves: `make run` starts it, as does any WSGI server given `app.api:app`."""

from flask import Flask

from app.products.api import products
from app.users.api import users
from core.api import prepare

app = Flask(__name__)
prepare(app)
app.register_blueprint(users)
app.register_blueprint(products)
