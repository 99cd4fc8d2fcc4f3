"""A API como um cliente a vê, no banco que as migrações criaram; cada teste é desfeito."""

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from httpx2 import ASGITransport, AsyncClient
from sqlalchemy.ext.asyncio import AsyncSession

from app.api import app
from app.usuarios.models import Usuario

JSON = {"Content-Type": "application/json"}
ALICE = {"nome": "Alice", "idade": 30, "email": "alice@example.org"}
REFUSED = [
    ("usuarios", ALICE | {"nome": ""}),
    ("usuarios", ALICE | {"nome": "a" * 101}),
    ("usuarios", ALICE | {"nome": "a\x00b"}),
    ("usuarios", ALICE | {"nome": "\ud800"}),
    ("usuarios", ALICE | {"nome": None}),
    ("usuarios", ALICE | {"idade": -1}),
    ("usuarios", ALICE | {"idade": 2**63}),
    ("usuarios", ALICE | {"idade": "thirty"}),
    ("usuarios", ALICE | {"email": "nobody"}),
    ("usuarios", ALICE | {"email": "a@" + "b" * 254}),
    ("usuarios", ALICE | {"admin": True}),
    ("usuarios", {"nome": "Alice"}),
    ("produtos", {"nome": "Café", "preco": "NaN"}),
    ("produtos", {"nome": "Café", "preco": float("nan")}),
    ("produtos", {"nome": "Café", "preco": "1.005"}),
    ("produtos", {"nome": "Café", "preco": "100000000"}),
    ("produtos", {"nome": "Café", "preco": -1}),
]


@pytest_asyncio.fixture
async def client() -> AsyncIterator[AsyncClient]:
    """Um cliente do serviço, no event loop do teste."""
    async with AsyncClient(transport=ASGITransport(app), base_url="http://test") as client:
        yield client


async def test_a_person_comes_changes_and_goes(client: AsyncClient) -> None:
    answer = await client.post("/usuarios", json=ALICE)
    assert answer.status_code == 201
    alice = answer.json()
    path = f"/usuarios/{alice['id']}"
    assert (await client.get(path)).json() == alice == ALICE | {"id": alice["id"]}
    older = await client.put(path, json={"nome": "Alice", "idade": 31})
    assert older.json() == alice | {"idade": 31, "email": None}
    assert (await client.get(path)).json() == older.json()
    assert (await client.delete(path)).status_code == 204
    assert (await client.get(path)).status_code == (await client.delete(path)).status_code == 404
    assert (await client.put(path, json=ALICE)).status_code == 404


async def test_a_product_keeps_its_cents(client: AsyncClient) -> None:
    made = await client.post("/produtos", json={"nome": "Café", "preco": 12.5})
    path = f"/produtos/{made.json()['id']}"
    assert made.json()["preco"] == "12.50"
    assert (await client.get(path)).json() == made.json()
    cheaper = await client.put(path, json={"nome": "Café", "preco": "8"})
    assert cheaper.json()["preco"] == "8.00"
    assert (await client.get("/produtos")).json() == {"total": 1, "items": [cheaper.json()]}
    assert (await client.delete(path)).status_code == 204


async def test_a_list_comes_in_pages(client: AsyncClient, session: AsyncSession) -> None:
    session.add_all([Usuario(nome=f"Pessoa {number}", idade=number) for number in range(5)])
    await session.commit()
    for offset, ages in {0: [0, 1], 2: [2, 3], 4: [4], 6: []}.items():
        page = await client.get(f"/usuarios?limit=2&offset={offset}")
        assert page.json()["total"] == 5
        assert [usuario["idade"] for usuario in page.json()["items"]] == ages


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "offset=-1", "offset=9e99"])
async def test_a_page_has_bounds(client: AsyncClient, query: str) -> None:
    assert (await client.get(f"/usuarios?{query}")).status_code == 422


async def test_an_email_is_taken_once(client: AsyncClient) -> None:
    assert (await client.post("/usuarios", json=ALICE)).status_code == 201
    assert (await client.post("/usuarios", json=ALICE | {"nome": "Bob"})).status_code == 409
    bob = await client.post("/usuarios", json={"nome": "Bob", "idade": 25})
    assert (await client.put(f"/usuarios/{bob.json()['id']}", json=ALICE)).status_code == 409
    assert (await client.get("/usuarios")).json()["total"] == 2


@pytest.mark.parametrize(("folder", "body"), REFUSED)
async def test_what_the_columns_do_not_hold_is_refused(
    client: AsyncClient, folder: str, body: dict[str, object]
) -> None:
    answer = await client.post(f"/{folder}", content=json.dumps(body), headers=JSON)
    assert answer.status_code == 422 and answer.json()["detail"][0]["msg"]
    assert (await client.get(f"/{folder}")).json()["total"] == 0


@pytest.mark.parametrize("id", ["0", "2147483648", "9" * 30])
async def test_no_such_person(client: AsyncClient, id: str) -> None:
    assert (await client.get(f"/usuarios/{id}")).status_code == 404
