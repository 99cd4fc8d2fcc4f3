"""Databases that nobody migrated: a shop, a heap of awkward names, and all PostgreSQL has."""

CUSTOMERS = """
CREATE TABLE paises (sigla CHAR(2) NOT NULL PRIMARY KEY, nome VARCHAR(60) NOT NULL UNIQUE);
CREATE TABLE estados (
    {id}, pais_sigla CHAR(2) NOT NULL REFERENCES paises (sigla), nome VARCHAR(60) NOT NULL,
    UNIQUE (pais_sigla, nome));
CREATE TABLE cidades (
    {id}, estado_id INTEGER NOT NULL, nome VARCHAR(80) NOT NULL,
    CONSTRAINT cidades_estado FOREIGN KEY (estado_id) REFERENCES estados (id) ON DELETE CASCADE);
CREATE TABLE clientes (
    {id}, nome VARCHAR(80) NOT NULL, email VARCHAR(120), ativo BOOLEAN NOT NULL DEFAULT {true},
    saldo NUMERIC(12, 2) NOT NULL DEFAULT 0, nascimento DATE, criado TIMESTAMP DEFAULT {now},
    CONSTRAINT clientes_email UNIQUE (email), CONSTRAINT saldo_minimo CHECK (saldo >= -100));
CREATE TABLE enderecos (
    {id}, cliente_id INTEGER NOT NULL, cidade_id INTEGER NOT NULL, rua VARCHAR(120) NOT NULL,
    FOREIGN KEY (cliente_id) REFERENCES clientes (id) ON DELETE CASCADE ON UPDATE CASCADE,
    FOREIGN KEY (cidade_id) REFERENCES cidades (id));
"""
STOCK = """
CREATE TABLE categorias (
    {id}, nome VARCHAR(60) NOT NULL, mae_id INTEGER,
    FOREIGN KEY (mae_id) REFERENCES categorias (id) ON DELETE SET NULL);
CREATE TABLE marcas ({id}, nome VARCHAR(60) NOT NULL);
CREATE UNIQUE INDEX ix_marcas_nome ON marcas (nome);
CREATE TABLE produtos (
    {id}, marca_id INTEGER, nome VARCHAR(120) NOT NULL, preco NUMERIC(10, 2) NOT NULL,
    peso {double}, descricao TEXT, FOREIGN KEY (marca_id) REFERENCES marcas (id),
    CONSTRAINT preco_positivo CHECK (preco > 0));
CREATE INDEX produtos_nome_preco ON produtos (nome, preco);
CREATE TABLE produtos_categorias (
    produto_id INTEGER NOT NULL, categoria_id INTEGER NOT NULL,
    PRIMARY KEY (produto_id, categoria_id), FOREIGN KEY (produto_id) REFERENCES produtos (id),
    FOREIGN KEY (categoria_id) REFERENCES categorias (id));
CREATE TABLE fornecedores ({id}, nome VARCHAR(80) NOT NULL, cnpj CHAR(14) NOT NULL UNIQUE);
CREATE TABLE fornecimentos (
    fornecedor_id INTEGER NOT NULL, produto_id INTEGER NOT NULL, custo NUMERIC(10, 2),
    PRIMARY KEY (fornecedor_id, produto_id),
    FOREIGN KEY (fornecedor_id) REFERENCES fornecedores (id),
    FOREIGN KEY (produto_id) REFERENCES produtos (id));
CREATE TABLE estoques (
    produto_id INTEGER NOT NULL PRIMARY KEY, quantidade BIGINT NOT NULL DEFAULT 0,
    FOREIGN KEY (produto_id) REFERENCES produtos (id));
"""
ORDERS = """
CREATE TABLE pedidos (
    {id}, cliente_id INTEGER NOT NULL, entrega_id INTEGER, cobranca_id INTEGER,
    situacao VARCHAR(10) NOT NULL DEFAULT 'novo',
    FOREIGN KEY (cliente_id) REFERENCES clientes (id),
    FOREIGN KEY (entrega_id) REFERENCES enderecos (id),
    FOREIGN KEY (cobranca_id) REFERENCES enderecos (id));
CREATE INDEX ix_pedidos_situacao ON pedidos (situacao);
CREATE TABLE itens (
    pedido_id INTEGER NOT NULL, linha INTEGER NOT NULL, produto_id INTEGER NOT NULL,
    quantidade INTEGER NOT NULL, PRIMARY KEY (pedido_id, linha),
    FOREIGN KEY (pedido_id) REFERENCES pedidos (id) ON DELETE CASCADE,
    FOREIGN KEY (produto_id) REFERENCES produtos (id));
CREATE TABLE devolucoes (
    {id}, pedido_id INTEGER NOT NULL, linha INTEGER NOT NULL, motivo VARCHAR(200),
    FOREIGN KEY (pedido_id, linha) REFERENCES itens (pedido_id, linha));
CREATE TABLE pagamentos (
    {id}, pedido_id INTEGER NOT NULL UNIQUE, valor NUMERIC(12, 2) NOT NULL, pago TIMESTAMP NULL,
    FOREIGN KEY (pedido_id) REFERENCES pedidos (id));
CREATE TABLE configuracoes (chave VARCHAR(40) NOT NULL PRIMARY KEY, valor TEXT);
"""
AWKWARD = """
CREATE TABLE {q}class{q} (
    {id}, {q}uuid{q} VARCHAR(36), {q}date{q} DATE, {q}datetime{q} TIMESTAMP NULL, {q}int{q} INTEGER,
    {q}str{q} VARCHAR(5), {q}text{q} TEXT, {q}decimal{q} NUMERIC(5, 2), {q}metadata{q} INTEGER,
    {q}registry{q} INTEGER, {q}class{q} INTEGER, {q}list{q} INTEGER, {q}Any{q} INTEGER,
    {q}1st{q} INTEGER, {q}nome completo{q} VARCHAR(20), {q}pre-ço{q} INTEGER, {q}self{q} INTEGER,
    {q}__tablename__{q} INTEGER, {q}relationship{q} INTEGER, {q}id_{q} INTEGER, {q}%{q} INTEGER);
CREATE TABLE {q}2 lojas{q} ({id}, {q}Loja-Mãe{q} INTEGER, hora VARCHAR(20) DEFAULT '12:30 :x 100%',
    FOREIGN KEY ({q}Loja-Mãe{q}) REFERENCES {q}2 lojas{q} (id));
CREATE TABLE {q}Base{q} ({id}, nome VARCHAR(10));
CREATE TABLE sem_chave (a INTEGER, b VARCHAR(10), UNIQUE (a, b));
CREATE TABLE so_refere (class_id INTEGER NOT NULL, FOREIGN KEY (class_id)
    REFERENCES {q}class{q} (id));
CREATE TABLE grade (x INTEGER NOT NULL, y INTEGER NOT NULL, acima_x INTEGER, acima_y INTEGER,
    acima INTEGER, PRIMARY KEY (y, x), CONSTRAINT subida FOREIGN KEY
    (acima_y, acima_x) REFERENCES grade (y, x), CHECK (x <> 10), CHECK (y <> 10));
CREATE TABLE setores ({id}, nome VARCHAR(10), CONSTRAINT nome_ok CHECK (nome LIKE 'a%' OR
    nome <> 'b:c'));
CREATE TABLE chefes (id INTEGER NOT NULL PRIMARY KEY, setor_id INTEGER, vice_id INTEGER,
    FOREIGN KEY (setor_id) REFERENCES setores (id), FOREIGN KEY (vice_id) REFERENCES chefes (id));
"""
AWKWARD_THERE = {
    "sqlite": """
CREATE UNIQUE INDEX parcial ON {q}Base{q} (nome) WHERE id > 10;
CREATE INDEX expressao ON {q}Base{q} (lower(nome));
CREATE TABLE solta (codigo TEXT PRIMARY KEY, nome TEXT UNIQUE CHECK (length(nome) > 1),
    classe INTEGER REFERENCES {q}class{q} ON DELETE CASCADE ON UPDATE SET NULL, dobro INTEGER
    GENERATED ALWAYS AS (classe * 2) STORED, valor REAL, uuid UUID);
CREATE TABLE conta (id INTEGER PRIMARY KEY AUTOINCREMENT, x INT NOT NULL);
CREATE VIRTUAL TABLE busca USING fts5 (texto);
CREATE VIEW vista AS SELECT * FROM conta;
CREATE TRIGGER gatilho AFTER INSERT ON conta BEGIN SELECT 1; END;
""",
    "postgresql": """
CREATE UNIQUE INDEX parcial ON "Base" (nome) WHERE id > 10;
CREATE INDEX expressao ON "Base" (lower(nome), (id + 1) DESC);
ALTER TABLE setores ADD COLUMN chefe_id INTEGER;
ALTER TABLE setores ADD CONSTRAINT chefe FOREIGN KEY (chefe_id) REFERENCES chefes (id);
""",
    "mysql": """
CREATE INDEX prefixo ON `Base` (nome(4));
ALTER TABLE setores ADD COLUMN chefe_id INTEGER;
ALTER TABLE setores ADD CONSTRAINT chefe FOREIGN KEY (chefe_id) REFERENCES chefes (id);
CREATE TABLE velha (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, tipo ENUM('a', 'b c'), ano YEAR,
    mudado TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, j JSON,
    dobro INT AS (ano * 2) STORED, t LONGTEXT COMMENT 'um "texto"', FULLTEXT busca (t))
    DEFAULT CHARSET latin1 COMMENT 'velha';
CREATE VIEW vista AS SELECT id FROM velha;
CREATE TRIGGER gatilho BEFORE INSERT ON velha FOR EACH ROW SET NEW.tipo = 'a';
""",
}
EVERYTHING = """
CREATE SCHEMA vendas;
CREATE SCHEMA "Esto que";
CREATE TYPE situacao AS ENUM ('novo', 'a:b', 'it''s');
CREATE TYPE vendas.canal AS ENUM ('loja', 'web');
CREATE SEQUENCE protocolo START 1000 INCREMENT 5;
CREATE TABLE clientes (
    id SERIAL PRIMARY KEY, nome VARCHAR(80) NOT NULL, email TEXT UNIQUE,
    situacao situacao NOT NULL DEFAULT 'novo', historico situacao[], tags TEXT[] DEFAULT '{{}}',
    dados JSONB DEFAULT '{{"a": 1}}', criado TIMESTAMPTZ NOT NULL DEFAULT now(),
    uuid UUID DEFAULT gen_random_uuid(), protocolo INT DEFAULT nextval('protocolo'),
    longo TEXT GENERATED ALWAYS AS (nome || ' x') STORED,
    CHECK (nome LIKE 'A%' OR length(nome) > 2));
COMMENT ON TABLE clientes IS 'quem compra: "sim"';
COMMENT ON COLUMN clientes.nome IS 'o nome, 100%';
CREATE UNIQUE INDEX ON clientes (lower(email)) WHERE situacao <> 'a:b';
CREATE INDEX ON clientes (nome DESC NULLS LAST, criado);
CREATE INDEX ON clientes USING gin (tags);
CREATE INDEX ON clientes (nome) INCLUDE (email);
CREATE TABLE vendas.clientes (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, nome TEXT);
CREATE TABLE vendas.pedidos (
    id BIGSERIAL PRIMARY KEY, numero SERIAL NOT NULL, canal vendas.canal, quando TSTZRANGE,
    cliente_id INT NOT NULL REFERENCES clientes ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    vendedor_id BIGINT REFERENCES vendas.clientes, pai_id BIGINT REFERENCES vendas.pedidos,
    valor MONEY, ip INET, prazo INTERVAL DEFAULT '1 day', hora TIME DEFAULT '12:30');
CREATE TABLE vendas.itens (
    pedido_id BIGINT REFERENCES vendas.pedidos, linha INT, PRIMARY KEY (linha, pedido_id));
CREATE TABLE "Esto que".setores (id INT PRIMARY KEY, nome TEXT UNIQUE, chefe_id INT);
CREATE TABLE "Esto que".pessoas (id INT PRIMARY KEY, setor_id INT REFERENCES "Esto que".setores);
ALTER TABLE "Esto que".setores ADD CONSTRAINT chefe FOREIGN KEY (chefe_id)
    REFERENCES "Esto que".pessoas;
CREATE TABLE diario (quando TIMESTAMP NOT NULL, texto TEXT) PARTITION BY RANGE (quando);
CREATE TABLE diario_2024 PARTITION OF diario FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE bicho (id INT PRIMARY KEY, nome TEXT);
CREATE TABLE gato (miados INT) INHERITS (bicho);
CREATE VIEW vista AS SELECT * FROM clientes;
CREATE MATERIALIZED VIEW foto AS SELECT 1 AS x;
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new\\; END';
CREATE TRIGGER gatilho BEFORE INSERT ON clientes FOR EACH ROW EXECUTE FUNCTION f();
"""
WORDS = {
    "sqlite": {"id": "id INTEGER PRIMARY KEY", "true": "1", "q": '"'},
    "postgresql": {"id": "id SERIAL PRIMARY KEY", "true": "true", "q": '"'},
    "mysql": {"id": "id INTEGER PRIMARY KEY AUTO_INCREMENT", "true": "true", "q": "`"},
}
SHAPES = {
    "shop": CUSTOMERS + STOCK + ORDERS,
    "awkward": AWKWARD,
    "everything": EVERYTHING,
}


def monolith() -> list[str]:
    """Return statements for tables that refer to each other in circles, too many for one file."""
    found = [
        "CREATE TABLE users (id INTEGER PRIMARY KEY, name VARCHAR(40) NOT NULL)",
        "CREATE TABLE friends (user_id INTEGER NOT NULL REFERENCES users (id),"
        " friend_id INTEGER NOT NULL REFERENCES users (id), PRIMARY KEY (user_id, friend_id))",
    ]
    for prefix in ("billing", "content", "stock"):
        for number in range(14):
            before = f"{prefix}_{number - 1}" if number else "users"
            found.append(
                f"CREATE TABLE {prefix}_{number} (id INTEGER PRIMARY KEY,"
                f" owner_id INTEGER NOT NULL REFERENCES users (id),"
                f" before_id INTEGER REFERENCES {before} (id), amount NUMERIC(10, 2))"
            )
    return [*found, "ALTER TABLE users ADD COLUMN stock_id INTEGER REFERENCES stock_13 (id)"]


def statements(shape: str, database: str) -> list[str]:
    """Return the SQL that builds a shape on a database."""
    if shape == "monolith":
        return monolith()
    words = WORDS[database] | {"now": "CURRENT_TIMESTAMP", "double": "DOUBLE PRECISION"}
    text = SHAPES[shape] + (AWKWARD_THERE[database] if shape == "awkward" else "")
    found = text.format(**words).replace(";\n", "\0").replace("\\;", ";").split("\0")
    return [each.strip() for each in found if each.strip()]
