"""What the service serves: `make run` starts it, as does any ASGI server given `app.api:app`."""

from fastapi import FastAPI

from app.products.api import router as products
from app.users.api import router as users
from core.api import prepare

app = FastAPI(title="Users, Products")
prepare(app)
app.include_router(users)
app.include_router(products)
