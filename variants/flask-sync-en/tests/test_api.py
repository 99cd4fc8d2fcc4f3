"""The API as a client meets it, on the database the migrations made; each test is undone."""

import json

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

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


@pytest.fixture
def client() -> FlaskClient:
    """A client of the service."""
    return app.test_client()


def test_a_person_comes_changes_and_goes(client: FlaskClient) -> None:
    answer = client.post("/users", json=ALICE)
    assert answer.status_code == 201
    alice = answer.get_json()
    path = f"/users/{alice['id']}"
    assert client.get(path).get_json() == alice == ALICE | {"id": alice["id"]}
    older = client.put(path, json={"name": "Alice", "age": 31})
    assert older.get_json() == alice | {"age": 31, "email": None}
    assert client.get(path).get_json() == older.get_json()
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == client.delete(path).status_code == 404
    assert client.put(path, json=ALICE).status_code == 404


def test_a_product_keeps_its_cents(client: FlaskClient) -> None:
    made = client.post("/products", json={"name": "Café", "price": 12.5})
    path = f"/products/{made.get_json()['id']}"
    assert made.get_json()["price"] == "12.50"
    assert client.get(path).get_json() == made.get_json()
    cheaper = client.put(path, json={"name": "Café", "price": "8"})
    assert cheaper.get_json()["price"] == "8.00"
    assert client.get("/products").get_json() == {"total": 1, "items": [cheaper.get_json()]}
    assert client.delete(path).status_code == 204


def test_a_list_comes_in_pages(client: FlaskClient, session: Session) -> None:
    session.add_all([User(name=f"Person {number}", age=number) for number in range(5)])
    session.commit()
    for offset, ages in {0: [0, 1], 2: [2, 3], 4: [4], 6: []}.items():
        page = client.get(f"/users?limit=2&offset={offset}")
        assert page.get_json()["total"] == 5
        assert [user["age"] for user in page.get_json()["items"]] == ages


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "offset=-1", "offset=9e99"])
def test_a_page_has_bounds(client: FlaskClient, query: str) -> None:
    assert client.get(f"/users?{query}").status_code == 422


def test_an_email_is_taken_once(client: FlaskClient) -> None:
    assert client.post("/users", json=ALICE).status_code == 201
    assert client.post("/users", json=ALICE | {"name": "Bob"}).status_code == 409
    bob = client.post("/users", json={"name": "Bob", "age": 25})
    assert client.put(f"/users/{bob.get_json()['id']}", json=ALICE).status_code == 409
    assert client.get("/users").get_json()["total"] == 2


@pytest.mark.parametrize(("folder", "body"), REFUSED)
def test_what_the_columns_do_not_hold_is_refused(
    client: FlaskClient, folder: str, body: dict[str, object]
) -> None:
    answer = client.post(f"/{folder}", data=json.dumps(body), headers=JSON)
    assert answer.status_code == 422 and answer.get_json()["detail"][0]["msg"]
    assert client.get(f"/{folder}").get_json()["total"] == 0


@pytest.mark.parametrize("id", ["0", "2147483648", "9" * 30])
def test_no_such_person(client: FlaskClient, id: str) -> None:
    assert client.get(f"/users/{id}").status_code == 404
