"""What the service serves: `make run` starts it, as does any ASGI server given `app.api:app`."""

from fastapi import FastAPI

from core.api import prepare

app = FastAPI(title="API")
prepare(app)  # then app.include_router(...) for each module's router
