"""The API as a client meets it, on the database the migrations made; each test is undone."""

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from httpx2 import ASGITransport, AsyncClient
from sqlalchemy.ext.asyncio import AsyncSession

from app.api import app
from app.users.models import User

JSON = {"Content-Type": "application/json"}
ALICE = {"name": "Alice", "age": 30, "email": "alice@example.org"}
REFUSED = [
    ("users", ALICE | {"name": ""}),
    ("users", ALICE | {"name": "a" * 101}),
    ("users", ALICE | {"name": "a\x00b"}),
    ("users", ALICE | {"name": "\ud800"}),
    ("users", ALICE | {"name": None}),
    ("users", ALICE | {"age": -1}),
    ("users", ALICE | {"age": 2**63}),
    ("users", ALICE | {"age": "thirty"}),
    ("users", ALICE | {"email": "nobody"}),
    ("users", ALICE | {"email": "a@" + "b" * 254}),
    ("users", ALICE | {"admin": True}),
    ("users", {"name": "Alice"}),
    ("products", {"name": "Café", "price": "NaN"}),
    ("products", {"name": "Café", "price": float("nan")}),
    ("products", {"name": "Café", "price": "1.005"}),
    ("products", {"name": "Café", "price": "100000000"}),
    ("products", {"name": "Café", "price": -1}),
]


@pytest_asyncio.fixture
async def client() -> AsyncIterator[AsyncClient]:
    """A client of the service, in the event loop of the test."""
    async with AsyncClient(transport=ASGITransport(app), base_url="http://test") as client:
        yield client


async def test_a_person_comes_changes_and_goes(client: AsyncClient) -> None:
    answer = await client.post("/users", json=ALICE)
    assert answer.status_code == 201
    alice = answer.json()
    path = f"/users/{alice['id']}"
    assert (await client.get(path)).json() == alice == ALICE | {"id": alice["id"]}
    older = await client.put(path, json={"name": "Alice", "age": 31})
    assert older.json() == alice | {"age": 31, "email": None}
    assert (await client.get(path)).json() == older.json()
    assert (await client.delete(path)).status_code == 204
    assert (await client.get(path)).status_code == (await client.delete(path)).status_code == 404
    assert (await client.put(path, json=ALICE)).status_code == 404


async def test_a_product_keeps_its_cents(client: AsyncClient) -> None:
    made = await client.post("/products", json={"name": "Café", "price": 12.5})
    path = f"/products/{made.json()['id']}"
    assert made.json()["price"] == "12.50"
    assert (await client.get(path)).json() == made.json()
    cheaper = await client.put(path, json={"name": "Café", "price": "8"})
    assert cheaper.json()["price"] == "8.00"
    assert (await client.get("/products")).json() == {"total": 1, "items": [cheaper.json()]}
    assert (await client.delete(path)).status_code == 204


async def test_a_list_comes_in_pages(client: AsyncClient, session: AsyncSession) -> None:
    session.add_all([User(name=f"Person {number}", age=number) for number in range(5)])
    await session.commit()
    for offset, ages in {0: [0, 1], 2: [2, 3], 4: [4], 6: []}.items():
        page = await client.get(f"/users?limit=2&offset={offset}")
        assert page.json()["total"] == 5
        assert [user["age"] for user in page.json()["items"]] == ages


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "offset=-1", "offset=9e99"])
async def test_a_page_has_bounds(client: AsyncClient, query: str) -> None:
    assert (await client.get(f"/users?{query}")).status_code == 422


async def test_an_email_is_taken_once(client: AsyncClient) -> None:
    assert (await client.post("/users", json=ALICE)).status_code == 201
    assert (await client.post("/users", json=ALICE | {"name": "Bob"})).status_code == 409
    bob = await client.post("/users", json={"name": "Bob", "age": 25})
    assert (await client.put(f"/users/{bob.json()['id']}", json=ALICE)).status_code == 409
    assert (await client.get("/users")).json()["total"] == 2


@pytest.mark.parametrize(("folder", "body"), REFUSED)
async def test_what_the_columns_do_not_hold_is_refused(
    client: AsyncClient, folder: str, body: dict[str, object]
) -> None:
    answer = await client.post(f"/{folder}", content=json.dumps(body), headers=JSON)
    assert answer.status_code == 422 and answer.json()["detail"][0]["msg"]
    assert (await client.get(f"/{folder}")).json()["total"] == 0


@pytest.mark.parametrize("id", ["0", "2147483648", "9" * 30])
async def test_no_such_person(client: AsyncClient, id: str) -> None:
    assert (await client.get(f"/users/{id}")).status_code == 404
