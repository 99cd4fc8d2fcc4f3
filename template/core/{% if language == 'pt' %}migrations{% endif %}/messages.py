"""Toda frase que as migrações imprimem, no idioma do projeto."""

# ruff: noqa: E501, a sentence is a line

# Como conectamos
URL_MISSING = "DATABASE_URL não está definida. Coloque-a no .env (`make setup` cria um a partir do .env.example) ou no ambiente."
URL_MALFORMED = "Não foi possível ler DATABASE_URL. O formato é driver://usuario:senha@host:porta/banco, com os caracteres especiais da senha codificados com %; veja .env.example."
DRIVER_MISSING = "O driver de {url} não está instalado ({cause}). Acrescente-o ao pyproject.toml e rode `make setup`."
CANNOT_CONNECT = "Não foi possível abrir {url}: {cause}. Confira DATABASE_URL e se o banco responde; `make setup` cria um banco que falta."
CONNECTION_USED = "A conexão dada em config.attributes já está em uma transação, e nada seria confirmado. Dê uma conexão que ainda não executou nada, ou faça commit antes."
FOREIGN_KEYS_BROKEN = "A revisão deixa {rows} linha(s) que apontam para um pai inexistente ({tables}), por isso foi desfeita. Corrija as linhas dentro da revisão e rode `make upgrade` de novo."
NOT_SECONDS = "{name} não é um número de segundos. Use algo como 60, ou não a defina."

# Quando é interrompida, ou tem de esperar
LOCK_TIMEOUT = "Outra migração ocupa este banco há {wait:g} s ({cause}). Espere por ela e rode o comando de novo, ou aumente MIGRATION_LOCK_WAIT (segundos)."
TABLE_BUSY = "Uma tabela continuou ocupada ({cause}). A revisão foi desfeita; deixe a consulta longa terminar e rode o comando de novo, ou aumente MIGRATION_LOCK_TIMEOUT ou MIGRATION_LOCK_WAIT (segundos)."
STATEMENT_FAILED = "O banco recusou um comando: {cause}\n{sql}\nNada ficou pela metade: o que não pôde ser desfeito está anotado. Corrija a causa e rode o comando de novo; `alembic --raiseerr upgrade head` mostra onde foi."
NOT_SPOKEN = "Este banco não sabe fazer o que a revisão diz: {cause}. Conserte a revisão (e o modelo) e rode o comando de novo."
TABLE_RETRY = "Uma tabela está ocupada ({cause}); nova tentativa em {pause:g} s."
HALF_APPLIED = "`{step}` foi interrompida no meio, por isso `{asked}` não pode começar. Termine-a primeiro: make upgrade (ou make downgrade, se foi ele o interrompido)."
REVISION_EDITED = "`{step}` foi interrompida e a revisão foi editada desde então: este comando não é o que rodou.\n{sql}\nRestaure a revisão como era e rode o comando de novo; mude o que quiser depois, em uma revisão nova. Se ninguém a editou, ela decide pelo que lê, o que agora é outro: termine-a à mão e rode `make stamp to=...`."
RETURNING_LOST = "`{step}` foi interrompida depois deste comando, e as linhas que ele devolveu (RETURNING) se perderam.\n{sql}\nTermine a revisão à mão e rode `make stamp to=...`."
SKIPPED = "Já feito antes da interrupção: {sql}"
ALREADY_DONE = "O comando em dúvida já tinha sido executado: {cause}"
INVALID_INDEX = "Um CREATE INDEX CONCURRENTLY interrompido deixou {name} inválido; criando de novo."

# Modelos e revisões
MODEL_NOT_IMPORTED = "Não foi possível importar {model} ({cause}, em {place}). Nada foi comparado: sem esse modelo a tabela dele pareceria removida. Corrija-o, ou core/policy.py, e rode o comando de novo."
NOTHING_MAPPED = "Nenhum modelo está mapeado, então não há o que comparar. Crie um em app/<modulo>/models.py, ou diga o pacote dele em core/policy.py."
NOT_AT_HEAD = "O banco está em {database} e o histórico termina em {code}: comparar misturaria o que é novo com o que falta aplicar. Rode antes `make upgrade`; `make check` diz mais."
NOT_FORMATTED = (
    "{path} foi escrito mas não formatado. Rode `make setup`, que instala o ruff, e `make lint`."
)
ENUM_CHANGED = "O Enum {name} tem os membros {found} no banco e {mapped} nos modelos, e o Alembic não sabe escrever essa mudança. Faça uma revisão vazia (make revision) com op.execute(\"ALTER TYPE {name} ADD VALUE '...'\") e rode `make upgrade`; para tirar um membro, crie nela um tipo novo e passe as colunas para ele."
NO_CHANGE = "Os modelos e o banco concordam: nenhuma revisão foi escrita."

# make migration: o que perderia dados
ASK_RENAME = "{old} -> {new}: renomear? [s/n] "
ASK_DROP = "Apagar {name}, com os dados? [s/n] "
ASK_CUT = " Seguir? [s/n] "
ASK_FILL = "{name} não pode ser nulo: o que recebem as linhas que existem, em SQL ('x', 0, now())? "
HOW_TO_RENAME = "{name} sumiu. Renomeado: rename={name}:{new}    Não é mais preciso: drop={name}"
HOW_TO_DROP = "{name} sumiu. Não é mais preciso: drop={name}"
HOW_TO_CUT = "{name} passa de {old} a {new}, o que pode cortar valores. Mesmo assim: drop={name}"
HOW_TO_FILL = "{name} não pode ser nulo, e as linhas que existem não têm valor. Um valor para elas, em SQL: fill=\"{name}:'x'\"    Ou crie antes a coluna aceitando nulos."
LOSES_DATA = 'Nenhuma revisão foi escrita: ela perderia dados, e ninguém disse que pode.\n{lines}\nDiga no mesmo comando: make migration m="..." rename=... drop=... fill=... (com alembic: -x rename=... -x drop=... -x fill=...)'
NOT_FOUND = "Nenhuma revisão foi escrita: não há o que renomear, apagar ou preencher em {names}. Dê os nomes como tabela ou tabela.coluna, como estão no banco."

# Onde o banco está
CURRENT = "Em dia: o banco está em {code} e concorda com os modelos."
BEHIND = "Atrasado: o banco está em {database}, o código em {code}, {count} revisão(ões) por aplicar. Rode `make upgrade`."
AHEAD = "Adiantado: o banco está em {database}, que este código (em {code}) não conhece. Implante o código que tem essa revisão, ou antes reverta com ele."
DRIFT = 'Divergente: os modelos e o banco diferem. Isto levaria o banco aos modelos:\n{changes}\nRode `make migration m="..."` se os modelos estão certos.'
TWO_HEADS = 'Duas pontas: o histórico se divide em {heads}. Junte-as com `alembic merge heads -m "..."` e depois rode `make upgrade`.'
IGNORED = "Não são nossas e ficam como estão: {tables}."

# make setup
ENV_MADE = "O .env foi criado a partir do .env.example."
DATABASE_MADE = "O banco {url} foi criado."
NEXT_STEPS = """
Pronto. E agora:
  make help               lista todos os comandos
  make check              diz onde o banco está
  make migration m="..."  escreve uma revisão depois que você muda um modelo"""

# make plan
NOTHING_TO_DO = "Nada a aplicar: o banco está na revisão mais nova."
LOSES = "PERDE DADOS:"
REWRITES = "reescreve a tabela, em que ninguém pode escrever enquanto isso:"

# make downgrade
NOTHING_TO_UNDO = "Nada a desfazer: o banco está na base, sem nenhuma revisão aplicada."
ROWS = "{name}: {rows} linha(s)"
WILL_DROP = "Esta reversão apaga dados:\n{losses}"
CONFIRM = "Apagar? [s/n] "
YES = {"s", "sim", "y", "yes"}
NOT_CONFIRMED = "Nada foi alterado. Para apagar mesmo assim: make downgrade to={to} yes=1"
FAILED = "Falhou: {error}"

# make models, make adopt
MODELS_DOCSTRING = "Modelos de tabelas que já existiam antes deles."
BASELINE = "ponto de partida"
NO_SQLACODEGEN = "O sqlacodegen, que escreve os modelos, não está instalado ({cause}). Rode `make setup`; se ainda faltar, ponha antes sqlacodegen>=4.0,<5 no grupo dev do pyproject.toml."
NO_SCHEMA = "Não há aqui esquema para ler: {names}. Diga os do banco, com vírgulas: make models schema=public,vendas. Só o PostgreSQL tem vários."
NO_TABLE = "Não há tabela para mapear em {names}. Diga tabelas do banco que nenhum modelo mapeia ainda, com vírgulas: make models tables=pedidos,vendas.itens"
NO_TABLES = "Não há em {url} tabela que nenhum modelo mapeie ainda: nada foi escrito. Outro banco: url=... Outro esquema: schema=..."
NO_MODULE_NAME = "{name} não pode ser nome de módulo. Diga um parecido, com letras, algarismos e _: make models module=loja"
FILES_THERE = "Nada foi escrito, porque estes arquivos já existem: {files}. Tire-os do caminho, ou diga outro módulo: module=loja"
MODELS_BROKEN = "Os modelos foram escritos em {files} e não podem ser importados ({cause}). Conserte-os lá, ou apague-os e deixe uma tabela de fora: tables=..."
MODELS_WRITTEN = "{count} tabela(s) mapeada(s) em {files}. Leia-os; os nomes das classes e dos atributos você pode mudar."
NO_RELATIONSHIPS = "Os modelos não têm relationship(): com eles não podiam ser importados ({cause}). Ponha à mão os de que precisar."
TYPE_UNKNOWN = "{name} tem um tipo que modelos não carregam: foi mapeada, mas fica fora das migrações e da primeira revisão. Dê-lhe um tipo seu e tire o skip_autogenerate."
HISTORY_THERE = "Este projeto já tem revisões, e um banco só embarca antes da primeira. Comece de um projeto sem o exemplo (make new ... data=example=false), ou apague os modelos e as revisões do exemplo."
OTHER_HISTORY = "O banco traz um alembic_version de outro histórico: {revisions}. Traga esse histórico: copie as revisões dele para a pasta versions e rode `make check`. Ou deixe-o para trás: faça uma cópia de segurança, `DROP TABLE alembic_version` no banco, e rode `make adopt` de novo."
NOT_REBUILT = "Escrevi {path}, mas um banco vazio não pode ser feito com ela: {cause}\nNada foi escrito no seu. Conserte a revisão até `make test` passar e rode `make stamp to=head`; ou apague a revisão e os modelos dela, e rode `make adopt` de novo."
REPLAYED = "Escrevi {path} e refiz com ela um banco de rascunho. {sentence}"
SAME = "O banco refeito e o seu são iguais, tabela por tabela."
DIFFER = "O banco refeito e o seu diferem (- só no seu, + só no refeito):"
LEFT_OVER = "Modelos não carregam isto, e a revisão também não; o seu banco o conserva:"
ASK_STAMP = "Anotar a revisão em {url}? É só isso que se escreve lá. [s/n] "
NOT_STAMPED = "Nada foi escrito no banco. Para terminar: make stamp to=head (ou, em outro banco: .venv/bin/alembic -x url=... stamp head)"

# make template-check, make template-update
CHANGELOG = "CHANGELOG.pt-BR.md"  # o do template, neste idioma
TEMPLATE = {
    0: "Em dia: o projeto está na versão mais nova do template, {old}.",
    3: "O template está em {new}, este projeto em {old}. `make template-update` a traz.",
    4: "O projeto está em {old}, mais novo que a última versão do template, {new}: nada a trazer.",
}
NO_TEMPLATE = "O template não está em {source}, ou não está lá para todos. Escreva o endereço dele, uma URL ou um caminho completo, depois de _src_path em {file}, faça o commit e rode o comando de novo."
NO_VERSION = "O template em {source} não tem mais {old}, de onde este projeto veio. Escreva uma versão que ele tenha, como {new}, depois de _commit em {file}, faça o commit e rode o comando de novo."
NOT_COMMITTED = "Há mudanças sem commit. Faça o commit delas (ou `git stash`) antes."
HISTORY_STAYS = "O histórico ficaria na pasta antiga. Mude-o antes de lugar, `git mv <a antiga> {folder}`, faça o commit e rode o comando de novo."
NOT_UPDATED = "O Copier não atualizou; o motivo está acima, e o projeto está como estava. Acerte isso e rode o comando de novo."
IN_THE_WAY = "A versão nova traz {files}, e o git não conhece o arquivo que você tem lá. Nada mudou: faça o commit do seu, ou mude-o de lugar, e rode o comando de novo."
CONFLICTS = "Conflitos em:\n  {files}\nAcerte o que está entre <<<<<<< e >>>>>>>, faça `git add` desses arquivos, rode `make setup check` e faça o commit. Para desistir:\n  git restore --source=HEAD --staged --worktree .{undo}"
GIT_FAILED = "git {command} falhou: {cause}\nAcerte isso e rode o comando de novo."

# make tour
TOUR_START = "{count} revisões, uma por vez, em um banco de rascunho que é apagado no fim."
TOUR_UP = "Passo {step} de {count}: {title}"
TOUR_SCHEMA = "O esquema agora:"
TOUR_ADDED = "Alice (30) e Bob (25) entram:"
TOUR_DATA = "Os dados continuam lá:"
TOUR_DOWN = "Um passo atrás: a última revisão é desfeita."
TOUR_AGAIN = "E adiante, até a revisão mais nova."
TOUR_END = "Esse é o ciclo inteiro. Agora mude um modelo e rode: make migration m='...'"
