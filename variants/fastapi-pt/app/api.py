"""O que o serviço serve: `make run` o inicia, e qualquer servidor ASGI que receba `app.api:app`."""

from fastapi import FastAPI

from app.produtos.api import router as produtos
from app.usuarios.api import router as usuarios
from core.api import prepare

app = FastAPI(title="Usuarios, Produtos")
prepare(app)
app.include_router(usuarios)
app.include_router(produtos)
