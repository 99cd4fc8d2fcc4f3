"""A API como um cliente a vê, no banco que as migrações criaram; cada teste é desfeito."""

import json

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

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


@pytest.fixture
def client() -> FlaskClient:
    """Um cliente do serviço."""
    return app.test_client()


def test_a_person_comes_changes_and_goes(client: FlaskClient) -> None:
    answer = client.post("/usuarios", json=ALICE)
    assert answer.status_code == 201
    alice = answer.get_json()
    path = f"/usuarios/{alice['id']}"
    assert client.get(path).get_json() == alice == ALICE | {"id": alice["id"]}
    older = client.put(path, json={"nome": "Alice", "idade": 31})
    assert older.get_json() == alice | {"idade": 31, "email": None}
    assert client.get(path).get_json() == older.get_json()
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == client.delete(path).status_code == 404
    assert client.put(path, json=ALICE).status_code == 404


def test_a_product_keeps_its_cents(client: FlaskClient) -> None:
    made = client.post("/produtos", json={"nome": "Café", "preco": 12.5})
    path = f"/produtos/{made.get_json()['id']}"
    assert made.get_json()["preco"] == "12.50"
    assert client.get(path).get_json() == made.get_json()
    cheaper = client.put(path, json={"nome": "Café", "preco": "8"})
    assert cheaper.get_json()["preco"] == "8.00"
    assert client.get("/produtos").get_json() == {"total": 1, "items": [cheaper.get_json()]}
    assert client.delete(path).status_code == 204


def test_a_list_comes_in_pages(client: FlaskClient, session: Session) -> None:
    session.add_all([Usuario(nome=f"Pessoa {number}", idade=number) for number in range(5)])
    session.commit()
    for offset, ages in {0: [0, 1], 2: [2, 3], 4: [4], 6: []}.items():
        page = client.get(f"/usuarios?limit=2&offset={offset}")
        assert page.get_json()["total"] == 5
        assert [usuario["idade"] for usuario in page.get_json()["items"]] == ages


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "offset=-1", "offset=9e99"])
def test_a_page_has_bounds(client: FlaskClient, query: str) -> None:
    assert client.get(f"/usuarios?{query}").status_code == 422


def test_an_email_is_taken_once(client: FlaskClient) -> None:
    assert client.post("/usuarios", json=ALICE).status_code == 201
    assert client.post("/usuarios", json=ALICE | {"nome": "Bob"}).status_code == 409
    bob = client.post("/usuarios", json={"nome": "Bob", "idade": 25})
    assert client.put(f"/usuarios/{bob.get_json()['id']}", json=ALICE).status_code == 409
    assert client.get("/usuarios").get_json()["total"] == 2


@pytest.mark.parametrize(("folder", "body"), REFUSED)
def test_what_the_columns_do_not_hold_is_refused(
    client: FlaskClient, folder: str, body: dict[str, object]
) -> None:
    answer = client.post(f"/{folder}", data=json.dumps(body), headers=JSON)
    assert answer.status_code == 422 and answer.get_json()["detail"][0]["msg"]
    assert client.get(f"/{folder}").get_json()["total"] == 0


@pytest.mark.parametrize("id", ["0", "2147483648", "9" * 30])
def test_no_such_person(client: FlaskClient, id: str) -> None:
    assert client.get(f"/usuarios/{id}").status_code == 404
