"""Cada frase que uma pessoa lê, em português; `en` tem os mesmos nomes, com os mesmos campos."""

# ruff: noqa: E501, a sentence is a line

# Os comandos, como `alambique --help` os lista
COMMANDS = {
    "init": "Faz do env.py uma chamada do alambique, com o que ele configurava; --undo devolve o anterior.",
    "setup": "Faz o que falta em um clone novo: o .env, o banco, as tabelas.",
    "migration": "Escreve uma revisão a partir dos modelos.",
    "revision": "Escreve uma revisão vazia, para preencher à mão.",
    "redefine": "Escreve uma revisão que refaz uma visão, função, gatilho ou política, para mudar à mão.",
    "upgrade": "Aplica revisões: todas, um passo como +1, ou até uma delas.",
    "entrypoint": "Aplica as revisões e dá lugar ao comando que vem depois, como diz MIGRATE.",
    "status": "Lista o histórico: o que o banco tem dele, o que falta, e o que vem em seguida.",
    "check": "Diz onde o banco está; o código de saída é o do estado.",
    "plan": "Imprime o SQL que um upgrade rodaria, com o que perde dados ou reescreve uma tabela marcado.",
    "downgrade": "Reverte até uma revisão, um passo como -1, ou a base; pergunta se isso apagar dados.",
    "current": "Mostra a revisão em que o banco está.",
    "history": "Lista as revisões, como o Alembic.",
    "heads": "Mostra a revisão mais nova do código.",
    "sql": "Imprime o SQL de um upgrade, sem conectar.",
    "stamp": "Anota a revisão do banco, sem aplicar nada.",
    "rebase": "Põe duas pontas de um ramo em uma linha: o que o tronco não tem sobe.",
    "squash": "Junta o histórico em uma só revisão; os bancos em dia nem notam.",
    "lint": "Diz o que um revisor diria das revisões novas, e das fechadas que foram editadas.",
    "tour": "Percorre o histórico, um passo por vez, em um banco de rascunho.",
    "diagram": "Escreve os modelos como diagrama (Mermaid) em docs/schema.mmd.",
    "doctor": "Confere o que este projeto precisa: uma linha para cada coisa, com o que conserta.",
    "models": "Escreve modelos a partir de um banco que já existe; um arquivo que está lá fica como está.",
    "adopt": "Traz um banco a bordo: modelos, uma primeira revisão que o refaz e, se você quiser, um stamp.",
    "shell": "Abre o Python com os modelos e uma sessão à mão.",
    "dbshell": "Abre o cliente do próprio banco (psql, mariadb, sqlite3).",
    "template-check": "Diz se o template tem versão nova, e o que ela muda.",
    "template-update": "Traz a versão nova do template; termina com erro se houver conflito.",
    "run": "Serve a API neste computador, e recomeça quando o código muda.",
    "openapi": "Escreve docs/openapi.json, a descrição da API.",
}

# A linha de comando
ARGPARSE = {
    "usage: ": "uso: ",
    "positional arguments": "argumentos",
    "options": "opções",
    "show this help message and exit": "mostra esta ajuda e termina",
    "%(prog)s: error: %(message)s\n": "%(prog)s: erro: %(message)s\n",
    "argument %(argument_name)s: %(message)s": "argumento %(argument_name)s: %(message)s",
    "invalid choice: %(value)r (choose from %(choices)s)": "%(value)r não serve (escolha entre %(choices)s)",
    "the following arguments are required: %s": "faltam estes argumentos: %s",
    "unrecognized arguments: %s": "argumentos desconhecidos: %s",
    "expected one argument": "espera um argumento",
    "expected at least one argument": "espera ao menos um argumento",
    "ignored explicit argument %r": "não aceita o argumento %r",
    "ambiguous option: %(option)s could match %(matches)s": "opção ambígua: %(option)s pode ser %(matches)s",
}
OPTIONS = {
    "config": "o alembic.ini a ler",
    "section": "a seção do alembic.ini, onde há vários históricos",
    "url": "o banco; por padrão o de DATABASE_URL",
    "up_to": "uma revisão, um passo como +1, ou head, que é o padrão",
    "down_to": "uma revisão, base, ou um passo; por padrão -1",
    "lose": "o que pode se perder, com o banco, como a recusa imprime",
    "instead": "o comando a executar depois, com os argumentos dele",
    "ledger": "diz também quem aplicou o quê, quando e de onde",
    "json": "para um programa ler",
    "markdown": "como comentário em um pull request",
    "message": "o que muda, em poucas palavras",
    "redefine_name": "a visão, função, gatilho ou política, como ativos ou usuarios.vigia",
    "head": "a ponta depois da qual a revisão vem, onde há várias",
    "x": "consentimento, como rename=, drop= ou fill=",
    "version": "mostra a versão do alambique e termina",
    "yes": "faz sem perguntar",
    "yes_loses_nothing": "nada mais: --lose diz o que pode se perder",
    "top": "a revisão que sobe, onde o git não diz qual",
    "range": "até que revisão, por padrão head; e a partir de qual, senão do banco vazio",
    "stamp_to": "a revisão a anotar, como head",
    "schema": "os schemas a ler, com vírgulas entre eles",
    "tables": "as tabelas a trazer, com vírgulas entre elas; por padrão todas",
    "module": "a pasta dentro de app/ que recebe os modelos",
    "scratch": "onde criar bancos de rascunho; por padrão ao lado do banco",
    "copier": "o Copier a rodar",
    "trust": "deixa o template rodar os comandos dele",
    "data": "outra resposta, como ci=none",
    "keep": "um arquivo editado que fica, embora a versão nova não o tenha",
    "drop": "um arquivo editado que pode ir junto",
    "port": "a porta em que escutar; por padrão 8000",
}
PLACEHOLDERS = {
    "file": "ARQUIVO",
    "section": "SEÇÃO",
    "command": "COMANDO",
    "url": "URL",
    "revision": "REVISÃO",
    "range": "[DE:]ATÉ",
    "message": "TEXTO",
    "name": "NOME",
    "pair": "NOME=VALOR",
    "lose": "BANCO:NOME,...",
    "schema": "SCHEMA",
    "tables": "TABELAS",
    "module": "MÓDULO",
    "program": "PROGRAMA",
    "port": "PORTA",
}

# Antes de tudo
TOO_OLD = "As migrações precisam de {needed} ou mais novos, e este ambiente tem {found}. Peça versões mais novas no pyproject.toml e instale-as: pip install --upgrade sqlalchemy alembic."
ALEMBIC_HIDDEN = "O que o Python importa como `alembic` é {path}, não o pacote. Apague o __init__.py dessa pasta, pois uma pasta de migrações não precisa dele, e rode o comando de novo; se o Alembic nem estiver instalado: pip install alembic."

# Como conectamos
URL_MISSING = "DATABASE_URL não está definida. Coloque-a no .env (`make setup` cria um a partir do .env.example) ou no ambiente."
URL_MALFORMED = "Não foi possível ler DATABASE_URL. O formato é driver://usuario:senha@host:porta/banco, com os caracteres especiais da senha codificados com %; veja .env.example."
URL_IN_INI_MALFORMED = "Não foi possível ler sqlalchemy.url no alembic.ini: escreva cada % duas vezes, ou tire a linha e defina DATABASE_URL."
INI_MALFORMED = (
    "O alembic.ini não pôde ser lido ({cause}). Corrija-o, em UTF-8, e rode o comando de novo."
)
DATABASE_UNKNOWN = "As migrações não conhecem {name}. Elas rodam em SQLite, PostgreSQL, MySQL e MariaDB: aponte DATABASE_URL para um deles."
SERVER_UNPROVEN = "Este servidor fala como o {like}, e é outro: {known}. Nenhuma migração nossa foi provada lá. Aponte DATABASE_URL para um servidor que as migrações conhecem; para tentar em uma cópia, defina {setting}=1."
UNPROVEN = {
    "cockroachdb": "CockroachDB, que só tem advisory locks no nome, e pode manter uma parte do DDL de uma transação que falhou",
    "yugabytedb": "YugabyteDB, onde depende da versão se o DDL é desfeito com a sua transação, e se há advisory locks",
    "tidb": "TiDB, que altera tabelas em etapas, de modo que o catálogo não diz se um comando interrompido aconteceu",
    "redshift": "Redshift, que não tem advisory locks, e não faz valer chave nem UNIQUE",
    "dsql": "Aurora DSQL, que aceita um comando de DDL por transação, e não tem chaves estrangeiras nem advisory locks",
}
PYPROJECT_MALFORMED = "Não foi possível ler {path}: {cause}. Conserte-o e rode o comando de novo."
SETTING_NOT_TEXT = "{name}, em [tool.alambique] do pyproject.toml, é {value!r}, e não um texto. Escreva-o entre aspas, ou deixe-o de fora."
NO_LOCATION = "Nada diz onde as revisões estão: {path} não existe, ou não tem script_location na seção [{section}]. Diga o arquivo que o tem: alambique -c ... check"
NO_SECTION = "Não há seção [{section}] em {path}. Diga uma que exista: alambique -n ... check"
SETTING_NOT_A_LIST = '{name}, em [tool.alambique] do pyproject.toml, é {value!r}, e não uma lista de textos. Escreva como ["app"].'
SETTING_NOT_A_CONVENTION = '{name} em [tool.alambique] do pyproject.toml é {value!r}, e precisa ser uma tabela de textos, como em `naming-convention.pk = "pk_%(table_name)s"`.'
SETTING_NOT_YES_OR_NO = (
    "{name} em [tool.alambique] do pyproject.toml é {value!r}, e precisa ser true ou false."
)
DRIVER_MISSING = "O driver de {url} não está instalado ({cause}). Acrescente-o ao pyproject.toml e rode `make setup`."
DRIVER_SIBLING = " Ou escreva {driver}:// na URL: esse está instalado."
MAY_NOT_CREATE = (
    "{who} não pode criar bancos no servidor de {url}. Peça a quem pode que rode {grant} lá."
)
CANNOT_CONNECT = "Não foi possível abrir {url}: {cause}. Confira DATABASE_URL e se o banco responde; `make setup` cria um banco que falta."
CONNECTION_USED = "A conexão dada em config.attributes já está em uma transação, e nada seria confirmado. Dê uma conexão que ainda não executou nada, ou faça commit antes."
FOREIGN_KEYS_BROKEN = "A revisão deixa {rows} linha(s) que apontam para um pai inexistente ({tables}), por isso foi desfeita. Corrija as linhas dentro da revisão e rode `make upgrade` de novo."
FOREIGN_KEY_UNCHECKED = "A revisão deixa uma chave estrangeira que o SQLite não consegue conferir ({cause}), e por isso foi desfeita. Uma chave se refere a uma chave primária, ou a algo UNIQUE: diga isso na revisão e rode `make upgrade` de novo."
REBUILD_NOT_UNDERSTOOD = "O SQLite altera a tabela {table} criando-a de novo, e o texto que a criou não pode ser lido até onde isso exige: {what}. Nada foi mudado. Tire esta operação em lote da revisão e escreva seus passos como SQL em `op.execute()`: CREATE TABLE com outro nome, INSERT, DROP TABLE, ALTER TABLE … RENAME TO."
REBUILD_IN_THE_WAY = "A revisão mudaria {column} de {table}, e isto fala dela e não muda junto: {sql}\nNada foi mudado. Apague isso primeiro, na mesma operação em lote ou antes dela, e crie de novo depois se ainda fizer sentido (uma restrição sem nome ganha um com `batch_alter_table(…, naming_convention=…)`); então rode `make upgrade` de novo."
REBUILD_WENT_ALONG = "Foi junto com {column} de {table}, pois falava dela e de outras: {sql}"
REBUILD_BREAKS = "Depois da revisão, {name} não funciona mais ({cause}), e por isso a revisão foi desfeita. Faça com que ela apague {name} antes de mudar a tabela e crie de novo depois; então rode `make upgrade` de novo."
NOT_SECONDS = (
    "{name} não é um número de segundos, de 0 a {longest}. Use algo como 60, ou não a defina."
)

# Quando é interrompida, ou tem de esperar
LOCK_TIMEOUT = "Outra migração ocupa este banco há {wait:g} s ({cause}). Espere por ela e rode o comando de novo, ou aumente MIGRATION_LOCK_WAIT (segundos)."
LOCK_WAITS = (
    "Outra migração está em curso neste banco: {held}. Esperando por ela, {wait:g} s no máximo."
)
LOCK_HOLDER = "sessão {number} ({user}, {program}), {doing} desde {since}"
LOCK_LOST = "A trava de migração não é mais nossa, ou não se pode saber ({cause}): talvez haja outra migração em curso. O que não foi confirmado foi desfeito, e nada mais foi começado; rode o comando de novo, ele segue dali."
LOCK_NOT_RELEASED = "O que foi pedido está feito, mas não foi possível devolver a trava de migração ({cause}). Ela some com a conexão."
CONNECTED_ANEW = "a revisão continuou com outra"
CONNECTION_LOST = "A conexão com o banco caiu ({cause}), e com ela a trava de migração. O que não foi confirmado foi desfeito; rode o comando de novo, ele segue dali.\n{sql}"
GOAL_MOVED = "O banco estava em {before} quando `{goal}` foi pedido, e enquanto isso outra migração o levou a {now}: `{goal}` agora seria outra coisa. Nada foi feito; veja com `make current` e peça de novo."
CHANGED_MEANWHILE = "O que havia há um instante não há mais ({cause}): há outra migração em curso. Nada foi escrito; rode o comando de novo quando ela terminar."
POOLER = "Há um pooler de conexões diante deste banco: a trava de migração é uma linha da tabela alembic_lock. Dê a MIGRATION_DATABASE_URL uma conexão direta, e a trava some com o processo."
POOLER_AND_ASYNC = "Há um pooler entre {driver} e o servidor, e {driver} prepara comandos que a próxima sessão não tem. Dê a MIGRATION_DATABASE_URL o endereço do próprio servidor, ou tire `async-driver` de [tool.alambique]."
TABLE_BUSY = "Uma tabela continuou ocupada ({cause}). A revisão foi desfeita; deixe a consulta longa terminar e rode o comando de novo, ou aumente MIGRATION_LOCK_TIMEOUT, MIGRATION_LOCK_WAIT ou, para o que não faz ninguém esperar, MIGRATION_PATIENCE (segundos)."
STATEMENT_FAILED = "O banco recusou um comando: {cause}\n{sql}\nNada ficou pela metade: o que não pôde ser desfeito está anotado. Corrija a causa e rode o comando de novo; `alembic --raiseerr upgrade head` mostra onde foi."
NOT_SPOKEN = "Este banco não sabe fazer o que a revisão diz: {cause}. Conserte a revisão (e o modelo) e rode o comando de novo."
TABLE_RETRY = "Uma tabela está ocupada ({cause}); nova tentativa em {pause:g} s."
WAITS_FOR = "Esperando há {seconds:.0f} s: {sql}{phase}. No caminho: {who}"
AT_WORK_FOR = "Rodando há {seconds:.0f} s: {sql}{progress}"
WAITS_FOR_ONE_OF = "uma destas, as que trabalham há mais tempo, pois este servidor não diz de quem é a trava: {named}"
WAS_IN_THE_WAY = "no caminho: {who}"
AND_MORE = "{named}; e mais {more}"
SESSION = "sessão {number} ({user}, {program}), em transação desde {since}, {doing}"
SESSION_DOES = {
    "active": "executando `{sql}`",
    "idle": "parada depois de `{sql}`",
    "silent": "parada",
}
PREPARED_TRANSACTION = "uma transação preparada, que só COMMIT PREPARED ou ROLLBACK PREPARED termina (pg_prepared_xacts dá seu nome)"
HALF_APPLIED = "`{step}` foi interrompida no meio, por isso `{asked}` não pode começar. Termine-a primeiro: make upgrade (ou make downgrade, se foi ele o interrompido)."
REVISION_EDITED = "`{step}` foi interrompida e a revisão foi editada desde então: agora ela faz outra coisa do que tinha feito.\nAntes: {then}\nAgora: {now}\nRestaure a revisão como era e rode o comando de novo; mude o que quiser depois, em uma revisão nova. O que tinha sido feito: {count} comando(s), o último: {last}"
REPLAY_DIFFERS = "`{step}` foi interrompida, e a revisão, que ninguém editou, não faz de novo o que tinha feito.\nAntes: {then}\nAgora: {now}\nEla decide por algo que não está no banco: a hora, o acaso, uma variável, a ordem de um conjunto. Termine-a à mão e rode `make stamp to=...`. O que tinha sido feito: {count} comando(s), o último: {last}"
REPLAY_LOST = "`{step}` foi interrompida e não consegue continuar sozinha: {why}.\n{sql}\nTermine a revisão à mão e rode `make stamp to=...`. O que tinha sido feito: {count} comando(s), o último: {last}"
REPLAYED_FAILURE = "`{step}` foi interrompida depois que um dos seus comandos tinha sido recusado, e seguiu com outros que não podem ser desfeitos. Repetida, ela para ali de novo: {cause}. Termine a revisão à mão e rode `make stamp to=...`."
CANNOT_TELL = "`{step}` foi interrompida durante este comando, e nada diz até onde ele chegou.\n{sql}\nVeja o que ele fez, termine a revisão à mão e rode `make stamp to=...`. O que tinha sido feito antes dele: {count} comando(s), o último: {last}"
STILL_RUNNING = "O servidor ainda está em um comando que uma execução interrompida enviou (sessão {session}): {sql}\nDeixe-o terminar, ou encerre essa sessão, e rode o comando de novo."
JOURNAL_OF_2_0 = "`{step}` foi interrompida com uma versão do alambique anterior à 2.1, cujas anotações esta não lê. Termine-a com a versão em que começou, ou à mão, e rode `make stamp to=...`."
TRANSACTION_UNDONE = "`{step}` continuou embora o banco tivesse recusado um comando ({cause}) e desfeito com ele a transação inteira: o que a revisão tinha feito antes se perdeu.\n{sql}\nNada mais foi executado. Deixe o erro encerrar a revisão, ou, no SQLite, escreva OR ABORT em vez de OR ROLLBACK, e rode o comando de novo."
ASKS_ABOUT_OURS = "`{step}` pergunta à sessão pelo comando anterior, e o diário passou no meio, como faz em um autocommit_block e depois de um CALL.\n{sql}\nEle não foi executado. Pegue a contagem do resultado do próprio comando, `op.get_bind().execute(...).rowcount`, e rode o comando de novo."
LOSSES = {
    "temporary": "a tabela temporária que ela criou se foi com a sessão",
    "session": "o que ela pôs na sessão (uma variável, algo preparado) se foi com a sessão",
    "unset": "ela lê uma variável da sessão que ninguém definiu nesta",
    "asks": "ela pergunta à sessão por um comando que rodou em outra",
    "elsewhere": "ela usou uma segunda conexão, da qual nada é registrado",
    "driver": "ela usou o driver de um modo do qual nada é registrado",
    "autocommit": "ela fez cada comando se confirmar sozinho, e nada pôde ser registrado com ele",
    "value": "uma resposta tinha um valor de um tipo que não se registra",
    "too much": "as respostas passaram do que se registra",
    "partly": "o servidor recusou um comando depois de fazer uma parte dele",
}
PAST_LIMIT = "`{step}` leu e escreveu mais do que se registra ({size} MiB de respostas). Ela continua, mas se for interrompida daqui em diante terá de ser terminada à mão."
RESUMED = "`{step}` continua depois de {count} comando(s) executado(s) antes da interrupção, o último: {last}"
HAPPENED = "O comando em dúvida tinha sido executado: {sql} ({changes})"
INVALID_INDEX = "Um comando que não terminou deixou o índice {name} inválido; ele é removido."
NO_LEDGER = "O banco não nos deixa criar {table}, onde se anota quem aplica o quê: {cause}. Deixe este papel criar tabelas, ou escreva ledger = false em [tool.alambique] no pyproject.toml."
LEDGER = "O que foi feito nele, o último primeiro (as horas são UTC):"
LEDGER_EMPTY = "Nada está anotado do que foi feito nele: nenhum passo foi dado desde que se anota, ou [tool.alambique] diz ledger = false."
LEDGER_GOES_ON = "  ... (`make status ledger=1 json=1` tem o resto)"
STEP_DONE = {
    "upgrade": "{revision} ({title}) aplicada em {took}.",
    "downgrade": "{revision} ({title}) desfeita em {took}.",
    "stamp": "{revision} ({title}) anotada em {took}.",
}
NOT_A_LOG = "MIGRATION_LOG é {value!r}. Use text ou json, ou não a defina."
NO_COMMAND = "Não há o que rodar depois das revisões: diga o comando, como em `python -m alambique entrypoint gunicorn app.api:app`, ou MIGRATE=only."
COMMAND_NOT_RUN = "As revisões estão aplicadas, mas {name} não pôde ser executado: {cause}. Diga um comando que esteja instalado na imagem."
MIGRATE_UNKNOWN = "MIGRATE={value} é desconhecido. Diga before (aplica as revisões e roda o comando), only (aplica-as e termina) ou never (roda o comando)."
INDEX_STAYS_INVALID = "O que este comando deixou por terminar não pôde ser removido agora ({cause}); o mesmo comando de migração o remove ao rodar de novo: {sql}"
INDEX_IS_INVALID = "Um índice inválido chamado {name} já existe, e não foi deixado por um comando desta revisão: alguém o está criando, ou o deixou para trás. Nada foi feito; se ninguém precisa dele, rode `DROP INDEX CONCURRENTLY {name}`, e o comando de novo."

REVISION_BROKEN = (
    "{place}: a revisão não pode ser lida ({cause}). Corrija-a e rode o comando de novo."
)
PARENT_MISSING = "{paths} vem depois da revisão {parent}, que não está lá. Traga o arquivo dela de volta (git log --diff-filter=D --name-only mostra quando sumiu), ou diga em down_revision qual tomou o lugar dela, e rode o comando de novo."
ONE_FOR_SEVERAL = "{path}: a revisão quer receber {parameters}, como em um só histórico para vários bancos (`alembic init -t multidb`, `flask db init --multidb`), e aqui nada é passado. Tenha um histórico para cada banco: uma seção do alembic.ini com script_location, sqlalchemy.url e bind próprios, e upgrade() e downgrade() sem parâmetros; depois, `alembic -n <seção> upgrade head` para cada um."
REVISION_TWICE = "{paths} são uma só revisão, {revision}, e um histórico tem cada uma uma vez. Apague a cópia, ou dê-lhe um id próprio e o down_revision de que ela vem, e rode o comando de novo."
NOT_A_REVISION = '{path} está entre as revisões e não tem id. Escreva revision = "..." e down_revision no começo dele, ou tire-o dessa pasta, e rode o comando de novo.'
NO_FUNCTION = "{path}: a revisão não tem {function}(). Escreva-a, com `pass` se não há o que fazer, e rode o comando de novo."
CIRCLE = "As revisões {revisions} vêm em círculo, uma depois da outra, e nenhuma é a primeira. Corrija o que uma delas diz em down_revision ou depends_on e rode o comando de novo."
NO_HISTORY = "As revisões não formam um histórico: {cause}. Corrija o que elas dizem de si (revision, down_revision, branch_labels, depends_on) e rode o comando de novo."
REVISION_FAILED = "{place}: a revisão falhou ({cause}). Foi desfeita, ou continua dali quando o comando rodar de novo: corrija essa linha, e rode-o outra vez."
NAME_NOT_IMPORTED = "{place}: a revisão usa {name} e não o importa. Escreva no começo dela: {cure}"
NAME_UNKNOWN = "{place}: a revisão usa {name}, que ali não foi definido nem importado. Corrija essa linha, e rode o comando de novo."
ENV_FAILED = "{place} falhou: {cause}. É o arquivo que todo comando executa: corrija essa linha; docs/env.md mostra o que ele tem como foi gerado."
ENV_CONNECTS = "{place} se conecta por conta própria, e migraria o banco dele no lugar do que lhe foi dito. Faça-o chamar `run_migrations()` de alambique.env: docs/env.md mostra como."
ENDED = "{place}: a revisão, ou um módulo de que ela precisa, encerrou o programa ({cause}). Isso é uma falha: a revisão foi desfeita, ou continua dali quando o comando rodar de novo. Deixe-a terminar com return, ou com um erro."
NOT_WITHOUT_DATABASE = "{place}: a revisão só roda num banco, pois aqui, onde se escreve SQL, nada se lê de um, e sem isso ela falha ({cause}). `make upgrade` a roda no banco; para que seja escrita, faça-a dispensar o que lê, ou perguntar a `context.is_offline_mode()`."

# Modelos e revisões
MODEL_NOT_IMPORTED = "Não foi possível importar {model} ({cause}, em {place}). Nada foi comparado: sem esse modelo a tabela dele pareceria removida. Corrija-o, ou o que [tool.alambique] no pyproject.toml diz dos modelos, e rode o comando de novo."
KEY_TO_NOTHING = "A chave estrangeira de {column} aponta para {missing}, que nenhum modelo mapeia. Está escrito como no __tablename__, e esse modelo está em um módulo chamado `models`? Nada foi comparado; corrija a chave, ou escreva o modelo, e rode o comando de novo."
NAMING_UNKNOWN = "Uma revisão deixa algo sem nome, e não foi possível perguntar aos modelos qual é a convenção de nomes deles. {cause} Corrija isso, ou diga a convenção como `naming-convention` em [tool.alambique] do pyproject.toml: então nada é importado (uma tabela vazia é nenhuma)."
NAMING_DIFFERS = "`naming-convention` em [tool.alambique] do pyproject.toml é {setting}, e os modelos têm {models}: um banco novo ganharia nomes diferentes dos que os modelos dizem. Deixe a configuração igual, ou apague-a: então os modelos são consultados."
BIND_UNKNOWN = "`bind` no alembic.ini é {bind!r}, e nenhum modelo é desse bind; os que os modelos têm: {binds}. Corrija ali, ou em __bind_key__ (no SQLAlchemy puro: MetaData(info=dict(bind_key=...))), e rode o comando de novo."
NOTHING_MAPPED = "Nenhum modelo está mapeado, então não há o que comparar. Crie um em app/<modulo>/models.py, ou diga o pacote dele no pyproject.toml, em [tool.alambique]: models = [...]."
NOT_AT_HEAD = "O banco está em {database} e o histórico termina em {code}: comparar misturaria o que é novo com o que falta aplicar. Rode antes `make upgrade`; `make check` diz mais."
NOT_FORMATTED = (
    "{path} foi escrito mas não formatado. Rode `make setup`, que instala o ruff, e `make lint`."
)
TYPE_MISSING = "A coluna {column} dos modelos não tem tipo, nem chave estrangeira que lhe empreste um. Escreva um, como Integer ou String(50), e rode o comando de novo; nenhuma revisão foi escrita."
TYPE_NOT_SPOKEN = "A coluna {column} dos modelos tem um tipo que não se sabe dizer a este banco ({cause}). Dê a ela um para cada banco com `with_variant(...)`, marque-a com info=dict(skip_autogenerate=True), ou compare com um banco que tem o tipo; depois rode o comando de novo."
ENUM_IS_USED = "Algo fala do tipo {name}, que perde membros ou muda a ordem deles, e por isso ele não pode ser refeito: {dependents}. Em uma revisão antes (make revision), apague isso com op.execute(...), rode `make upgrade`, e refaça em uma revisão depois."
ENUM_KEEPS_MEMBERS = (
    "Os membros novos ficam: o tipo não pode ser refeito, pois algo fala dele ({dependents})."
)
MODEL_UNSEEN = "O modelo {model} ({place}) não é comparado, porque nada importa o arquivo dele. Dê a esse o nome models.py, ou importe-o em um que o tenha; um arquivo que não faz parte do serviço pode ficar como está."
MORE_UNSEEN = "E mais {count}, em arquivos que nada importa: o mesmo resolve."
NO_CHANGE = "Os modelos e o banco concordam: nenhuma revisão foi escrita."
DOES_NOT_RUN = "Nenhuma revisão foi escrita: experimentada em um banco de rascunho que o histórico montou, {where}. A operação {operation} falha: {cause}\n{sql}Corrija o modelo. O que o banco precisa ter antes, uma revisão própria faz (make revision). Para escrevê-la assim mesmo, e corrigi-la lá: tried=no (com alembic: -x tried=no)"
TRIED_WHERE = {
    "up": "o seu upgrade() não roda",
    "down": "o seu downgrade() não roda",
    "again": "o seu upgrade() não roda de novo depois do seu downgrade()",
}
NOT_TRIED = "A revisão é escrita sem ter sido experimentada: {why} Para dizê-lo antes: tried=no"
NOT_TRIED_HISTORY = "o histórico não roda em um banco vazio, onde {at} falha ({cause})."
NOT_TRIED_ELSEWHERE = (
    "uma revisão roda um comando em uma conexão própria, que não foi executado ({sql})."
)
NOT_TRIED_STRANGERS = "ela fala de {names}, que está neste banco e que nenhuma revisão cria; em qualquer outro ela pode falhar, como falhou em um de rascunho ({cause})."
NOT_TRIED_ENV = "o env.py não roda revisões por `run_migrations()` de alambique.env."
TRIED_UNKNOWN = "tried={said} não quer dizer nada. Deixe de fora, ou diga tried=no para que a revisão seja escrita sem experimentá-la."

# make migration: o que perderia dados
ASK_RENAME = "{old} -> {new}: renomear? [s/n] "
ASK_DROP = "Apagar {name}, com os dados? [s/n] "
ASK_DROP_CONSTRAINT = "Apagar: {kind} {name}? O banco passará a aceitar o que recusava. [s/n] "
ASK_CUT = " Seguir? [s/n] "
ASK_FILL = "{name} não pode ser nulo: o que recebem as linhas que existem, em SQL ({example})? "
HOW_TO_RENAME = "{name} sumiu. Renomeado: rename={name}:{new}    Não é mais preciso: drop={name}"
HOW_TO_DROP = "{name} sumiu. Não é mais preciso: drop={name}"
HOW_TO_DROP_CONSTRAINT = "{kind} {name} está no banco e não nos modelos: sem isso, entram linhas que eram recusadas. Não é mais preciso: drop={name}    Senão, diga-o no modelo."
HOW_TO_CUT = "{name} passa de {old} a {new}, o que pode cortar valores. Mesmo assim: retype={name}"
HOW_TO_FILL = '{name} não pode ser nulo, e as linhas que existem não têm valor. Um valor para elas, em SQL: fill="{name}:{example}"    Ou crie antes a coluna aceitando nulos.'
FILL_REFUSED = "O banco não aceita {value} para {name} ({cause}). Nenhuma revisão foi escrita; dê SQL para um valor do tipo dela, como {example}, em fill=... ou como resposta."
CONSTRAINTS = {
    "check": "CHECK",
    "unique": "UNIQUE",
    "primary key": "chave primária",
    "exclusion": "EXCLUDE",
    "foreign key": "chave estrangeira",
    "index": "índice único",
}
LOSES_DATA = 'Nenhuma revisão foi escrita: ela perderia dados, e ninguém disse que pode.\n{lines}\nDiga no mesmo comando: make migration m="..." rename=... drop=... retype=... fill=... (com alembic: -x rename=... -x drop=... -x retype=... -x fill=...)'
NOT_FOUND = "Nenhuma revisão foi escrita: não há o que renomear, apagar ou preencher em {names}. Dê os nomes como tabela ou tabela.coluna, como estão no banco."
VIEWS_LEFT_BEHIND = 'Depois de renomear, {views} não pode ser lida: uma view guarda os nomes antigos. Crie cada uma de novo na revisão, depois do rename, com op.execute("CREATE OR REPLACE VIEW ..."), e com os nomes antigos no fim de downgrade().'

# Onde o banco está
CURRENT = "Em dia: o banco está em {code} e concorda com os modelos."
BEHIND = "Atrasado: o banco está em {database}, o código em {code}, {count} revisão(ões) por aplicar. Rode `make upgrade`."
AHEAD = "Adiantado: o banco está em {database}, que este código (em {code}) não conhece. Implante o código que tem essa revisão, ou antes reverta com ele."
DRIFT = 'Divergente: os modelos e o banco diferem. Isto levaria o banco aos modelos:\n{changes}\nRode `make migration m="..."` se os modelos estão certos.'
TWO_HEADS = "Duas pontas: o histórico se divide em {heads}. Ponha-as em uma linha com `make rebase` e depois rode `make upgrade`."
SEVERAL_HEADS = "`head` não diz qual: este histórico tem vários ramos, cada um com a sua ponta: {heads}. Para todas, diga `heads`, como em `alembic upgrade heads`; para uma, o rótulo ou a revisão dela, como `estoque@head`."
WHICH_HEAD = 'Nada diz depois de que ponta vem a revisão nova: {heads}. Diga: alembic revision --autogenerate -m "..." --head <revisão>, ou --head <rótulo>@head. Ou junte as pontas: alembic merge {all} -m "..."'
WHICH_DOWN = "`{to}` não diz que revisão desfazer: o banco está em {heads}. Diga a partir de que ponta, ou até que revisão, como `3f1c0a5d@-1`, `estoque@-1` ou `estoque@base`."
GOAL_UNKNOWN = "O histórico não tem a revisão {goal}, ou tem várias que começam assim. `make history` as lista."
GOAL_TOO_FAR = "`{goal}` a partir de {at}, onde o banco está, não leva a revisão nenhuma. `make status` mostra as que há."
GOAL_IS_RANGE = "`{goal}` é um intervalo, e aqui cabe uma revisão só. De uma a outra vai só o SQL: make sql from=... to=..."
GOAL_NOT_BELOW = "`{goal}` não fica abaixo de {at}, onde o banco está: nenhum downgrade chega lá. `make status` mostra o que fica."
ON_BRANCH = "{revision} está no ramo `{branch}`: {command}"
NOWHERE = "Este código não tem {revision}, e nenhum ramo deste clone tem: `git fetch --all`, ou pergunte a quem implantou por último."
NO_REVISIONS = 'Ainda não há revisão. Em seguida: make migration m="..."'
SQUASHED = "Atrasado: o banco está em {database}, que `make squash` juntou em {new}. Leve-o até {new} com o código de antes da junção (git log --diff-filter=D --oneline mostra esse commit) e depois volte a este."
IGNORED = "Não são nossas e ficam como estão: {tables}."

# Como um comando termina
APPLIED = {
    "one": "{count} revisão aplicada em {took}; o banco está em {at}. {more}",
    "many": "{count} revisões aplicadas em {took}; o banco está em {at}. {more}",
}
UNDONE = {
    "one": "{count} revisão revertida em {took}; o banco está em {at}. {more}",
    "many": "{count} revisões revertidas em {took}; o banco está em {at}. {more}",
}
STAMPED = "Ficou anotado que o banco está em {at}; nenhuma revisão rodou. {more}"
WRITTEN = "Foi escrita {path} em {took}. Em seguida: leia-a, depois make upgrade"
WRITTEN_EMPTY = "Foi escrita {path} em {took}, vazia. Em seguida: preencha upgrade() e downgrade(), depois make upgrade"
REDEFINES = "refaz {name}"
WRITTEN_REDEFINED = "Foi escrita {path} em {took}, com {one} como está, na ida e na volta. Em seguida: mude-a em upgrade(), depois make upgrade"
REDEFINED_WITH = "Estas precisam dela, por isso vão e voltam com ela: {names}."
REDEFINE_UNKNOWN = 'O banco não tem visão, função, gatilho ou política com o nome {name}. Tem: {names}. Para uma nova: make revision m="..."'
REDEFINE_SEVERAL = "Há várias com o nome {name}. Diga qual, entre aspas: {names}."
REDEFINE_NEEDED = "{one} não pode ser apagada e refeita, pois estas precisam dela: {names}. Escreva a revisão à mão (make revision), na ordem que a sua mudança pede."
NONE_OF_THEM = "nada disso"
NOTHING_DONE = "Nada a fazer; o banco está em {at}. {more}"
LEFT_TO_APPLY = "Por aplicar: {count}. Em seguida: make upgrade"
NONE_LEFT = "Nada falta aplicar. Em seguida: make check"
STOPPED = "Parou em {at} depois de {took}; revisões que rodaram antes dela e ficam: {count}."
# make setup
ENV_MADE = "O .env foi criado a partir do .env.example."
DATABASE_MADE = "O banco {url} foi criado."
FIRST_COMMIT = "Foi feito o primeiro commit: Start the service."
NO_FIRST_COMMIT = (
    "O primeiro commit não foi feito: o git diz {cause}. Corrija isso e rode `make setup` de novo."
)
NEXT_STEPS = """
Pronto. E agora:
  make help               lista todos os comandos
  make check              diz onde o banco está
  make migration m="..."  escreve uma revisão depois que você muda um modelo"""

# make plan
NOTHING_TO_DO = "Nada a aplicar: o banco está na revisão mais nova."
LOSES = "PERDE DADOS:"
REWRITES = "reescreve a tabela, em que ninguém pode escrever enquanto isso:"
FIRES = "altera linhas, e em cada uma agem também:"
WAITS = {
    "writers": "Quem escreve em {table}{size} espera enquanto isto {work}.",
    "everybody": "Quem lê ou escreve {table}{size} espera enquanto isto {work}.",
}
TABLE_SIZE = " (cerca de {rows} linhas, {megabytes:.1f} MB)"
WORKS = {
    "BUILDS": "constrói um índice",
    "BUILDS_ALONE": "constrói um índice",
    "CHECKS": "olha cada linha",
    "REFERS": "olha cada linha; também quem escreve na tabela a que se refere",
    "REQUIRES": "procura um NULL em cada linha",
    "COPIES": "refaz a tabela",
}
WORKS_OTHERWISE = {
    "BUILDS": "Por um CREATE INDEX CONCURRENTLY ninguém espera (postgresql_concurrently=True, em um autocommit_block); uma restrição pode então ser feita USING INDEX.",
    "CHECKS": "Por NOT VALID, e em uma revisão posterior VALIDATE CONSTRAINT, ninguém espera.",
    "REFERS": "Por NOT VALID, e em uma revisão posterior VALIDATE CONSTRAINT, ninguém espera.",
    "BUILDS_ALONE": "",
    "REQUIRES": "Onde um CHECK de que não é nulo já foi validado, ninguém espera.",
    "COPIES": "",
}

# make downgrade
NOTHING_TO_UNDO = "Nada a desfazer: o banco está na base, sem nenhuma revisão aplicada."
ROWS = "{name}: {rows} linha(s)"
WILL_DROP = "Esta reversão perde dados de {database}:\n{losses}"
CONFIRM = "Perder? [s/n] "
YES_OR_NO = "Nem sim nem não: s ou n?"
NOT_CONFIRMED = "Nada foi alterado. Para perder mesmo assim: {command}"
CONSENT_ELSEWHERE = "O consentimento dado é para outro banco: {said}"
UNTOLD = "@{revision}: o que o downgrade() desta revisão perder; nada diz antes o que será: {cause}"
AFTER_INTERRUPTED = "`{step}`, que vem antes dela, foi interrompida no meio"
FAILED = "Falhou: {error}"
INTERRUPTED = "Interrompido. A revisão em andamento foi desfeita, ou continua de onde parou quando o comando rodar de novo; `make check` diz onde o banco está."

# make models, make adopt
MODELS_DOCSTRING = "Modelos de tabelas que já existiam antes deles."
BASELINE = "ponto de partida"
NO_SQLACODEGEN = "O sqlacodegen, que escreve os modelos, não está instalado ({cause}). Rode `make setup`; se ainda faltar, ponha antes sqlacodegen>=4.0,<5 no grupo dev do pyproject.toml."
NO_BASE = "base em [tool.alambique] do pyproject.toml é {name!r}, que não é uma base declarativa. Diga aquela em que os modelos são escritos, como core.database.Base, e rode o comando de novo."
NO_SCHEMA = "Não há aqui esquema para ler: {names}. Diga os do banco, com vírgulas: make models schema=public,vendas. Só o PostgreSQL tem vários."
NO_TABLE = "Não há tabela para mapear em {names}. Diga tabelas do banco que nenhum modelo mapeia ainda, com vírgulas: make models tables=pedidos,vendas.itens"
NO_TABLES = "Não há em {url} tabela que nenhum modelo mapeie ainda: nada foi escrito. Outro banco: url=... Outro esquema: schema=..."
KEYS_TO_NOWHERE = "Nada foi escrito: não há a tabela a que estas chaves se referem: {keys}. Crie-a, ou remova as chaves, e rode o comando de novo; ou deixe as tabelas delas de fora: tables=..."
NO_MODULE_NAME = "{name} não pode ser nome de módulo. Diga um parecido, com letras, algarismos e _: make models module=loja"
FILES_THERE = "Nada foi escrito, porque estes arquivos já existem: {files}. Tire-os do caminho, ou diga outro módulo: module=loja"
MODELS_BROKEN = "Os modelos foram escritos em {files} e não podem ser importados ({cause}). Conserte-os lá, ou apague-os e deixe uma tabela de fora: tables=..."
MODELS_WRITTEN = "{count} tabela(s) mapeada(s) em {files}. Leia-os; os nomes das classes e dos atributos você pode mudar."
NO_RELATIONSHIPS = "Os modelos não têm relationship(): com eles não podiam ser importados ({cause}). Ponha à mão os de que precisar."
MODELS_OF_ADDRESS = "Imprime os modelos deste banco; não é preciso projeto, e nada é escrito."
TYPE_NOT_CARRIED = "Modelos não carregam o tipo de {name}: dê-lhe um tipo seu."
TYPE_UNKNOWN = "{name} tem um tipo que modelos não carregam: a primeira revisão a faz em SQL puro, e as migrações seguintes a deixam em paz. Dê-lhe um tipo seu no modelo, e tire o skip_autogenerate, para que seja comparada."
NO_SCRATCH = "Nada foi escrito. {cause} A revisão é experimentada em bancos de rascunho; em vez disso, eles podem ficar ao lado de outro banco do mesmo tipo, onde você possa criá-los: make adopt scratch=url"
NO_SCRATCH_FILE = "Nada foi escrito: não há lugar para um banco de rascunho ({cause}). Diga um arquivo em uma pasta onde haja: make adopt scratch=sqlite:////pasta/rascunho.db"
SCRATCH_OF_ANOTHER_KIND = "Nada foi escrito: bancos de rascunho são do mesmo tipo que {url}, e scratch= diz {scratch}. Diga outro."
NO_STAMP = "Nada foi escrito: {who} não pode escrever a tabela {table} em {url}, onde a revisão é anotada no fim. Peça a quem pode que rode {grant} lá, e depois rode `make adopt` de novo."
READ_ONLY = "Nada foi escrito: {url} é só de leitura para {who}, e a revisão é anotada lá no fim. Se é uma réplica, diga o primário dela: url=... Senão, peça a quem pode que rode {grant} e depois rode `make adopt` de novo."
NOT_WRITABLE = "Nada foi escrito: {path} não pode ser escrito ({cause}), e a revisão é anotada lá no fim. Dê a si mesmo o direito, ao arquivo e à pasta dele, ou traga uma cópia: url=sqlite:///copia.db"
HISTORY_THERE = "Este projeto já tem revisões, e um banco só embarca antes da primeira. Comece de um projeto sem o exemplo (make new ... data=example=false), ou apague os modelos e as revisões do exemplo."
FURTHER = "mais tabelas a bordo"
ADOPT_NOT_AT_HEAD = "Mais tabelas só embarcam em um banco que passou por todas as revisões, e este está em {at}. Rode `make upgrade` e, depois, `make adopt` de novo."
OTHER_HISTORY = "O banco traz um alembic_version de outro histórico: {revisions}. Traga esse histórico: copie as revisões dele para a pasta versions e rode `make check`. Ou deixe-o para trás: faça uma cópia de segurança, `DROP TABLE alembic_version` no banco, e rode `make adopt` de novo."
NOT_REBUILT = "Escrevi {path}, mas um banco vazio não pode ser feito com ela: {cause}\nNada foi escrito no seu. Conserte a revisão até `make test` passar e rode `make stamp to=head`; ou apague a revisão e os modelos dela, e rode `make adopt` de novo."
REPLAYED = "Escrevi {path} e refiz com ela um banco de rascunho. {sentence}"
SAME = "O banco refeito e o seu são iguais, tabela por tabela, nas palavras do próprio servidor. Donos, definidores e privilégios pertencem a um servidor: não são comparados nem levados."
DIFFER = "O banco refeito e o seu diferem (- só no seu, + só no refeito):"
ALIKE = "{count} iguais ({names})"
REORDERED = "{table}: as colunas estão em outra ordem; no seu banco é {columns}"
REBUILT_DRIFTS = "O banco que {path} constrói e os modelos diferem, e por isso nada foi anotado no seu: o que difere está acima. Conserte os modelos ou a revisão até `make test` passar, e rode `make stamp to=head`; ou apague a revisão e seus modelos, e rode `make adopt` de novo."
LEFT_OVER = "Modelos não carregam isto, e a revisão também não; o seu banco o conserva:"
NOT_IN_TEMPLATE = "O script.py.mako deste projeto não escreve {name}, por isso {path} não tem essa parte. Acrescente-a à revisão à mão, e ao script.py.mako para a próxima vez:\n{source}"
ASK_STAMP = "Anotar a revisão em {url}? É só isso que se escreve lá. [s/n] "
ENV_NAMES_ANOTHER = "Os comandos sem url= ainda trabalham em outro banco. Para trabalhar neste daqui em diante, escreva-o no .env: DATABASE_URL={url}"
NOT_STAMPED = "Nada foi escrito no banco. Para terminar: make stamp to=head (ou, em outro banco: .venv/bin/alembic -x url=... stamp head)"

# make shell, make dbshell
SHELL = "{url}\nÀ mão: session, engine, select, sa; modelos: {models}. session.commit() guarda o que você muda; Ctrl-D termina."
NO_CLIENT = "Não há {names} nesta máquina. Instale: `apt install {package}`, ou como o seu sistema faz; `make shell` não precisa de nenhum."

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
EDITED_GOES = "A atualização levaria o que foi editado aqui:\n  {files}\nNada mudou. Para manter, como seu daqui em diante:\n  {keep}\nPara deixar ir; o git guarda:\n  {drop}"
IN_THE_WAY = "A versão nova traz {files}, e o git não conhece o arquivo que você tem lá. Nada mudou: faça o commit do seu, ou mude-o de lugar, e rode o comando de novo."
BROUGHT_IGNORED = "Chegou, mas o .gitignore o exclui, e o git só o mostra e só o inclui quando se pede (git add --force):\n  {files}"
UNREACHED = "O que o template mudou nestes não chegou, porque foram mudados de lugar ou apagados aqui. Se fizer falta, faça à mão:\n  {files}"
UNREACHED_MOVED = "{path}, agora em {now}"
UNREACHED_DELETED = "{path}, apagado"
UNREACHED_NO_MORE = "{path}, agora em {now}; o template não o tem mais"
ANSWER_CHANGED = {
    "database": "database era {old} e é {new}. À mão: ponha a DATABASE_URL do .env.example no .env e onde mais houver uma; rode `make setup test`, porque revisões escritas para {old} podem não rodar em {new}; e leve você mesmo as linhas.",
    "mode": "mode era {old} e é {new}. À mão: o que é seu (app/, main.py, tests/) ainda usa o outro tipo de sessão; `make lint test` aponta cada lugar.",
    "environment": "environment era {old} e é {new}. À mão: `rm -r .venv && make setup` o cria de novo; apague o arquivo de lock que só {old} lê.",
    "api": "api era {old} e é {new}. À mão: o app/api.py é seu, então escreva-o ou reescreva-o, como docs/template.md mostra; `make test` confere.",
    "example": "example conta quando o projeto é criado; agora só muda os comandos e as páginas. Os arquivos do exemplo são seus: apague-os, ou copie-os de um projeto novo.",
}
CREDENTIALS_OUT = "O endereço do template em {file} tinha uma senha ou um token, que serve a quem lê o repositório. Foi retirado: revogue-o, e deixe que um credential helper do git, ou uma chave SSH, abra o template."
CONFLICTS = "Conflitos em:\n  {files}\nAcerte o que está entre <<<<<<< e >>>>>>>, faça `git add` desses arquivos, rode `make setup check` e faça o commit. Para desistir:\n  git restore --source=HEAD --staged --worktree .{undo}"
GIT_FAILED = "git {command} falhou: {cause}\nAcerte isso e rode o comando de novo."
SEAL_EDITED = "editados: {files}"
SEAL_MISSING = "faltam: {files}"
SEAL_ADDED = "acrescentados: {files}"
LIBRARY_GOES = "A biblioteca em vendor/ não está como foi publicada, e a atualização a troca inteira.\n{files}\nPara manter uma mudança, leve-a antes ao template."
ASK_REPLACE = "Trocar? [s/n] "
LIBRARY_STAYS = "Nada foi alterado. Para trocar a biblioteca mesmo assim: {command}"
LIBRARY_IS_A_PACKAGE = "Não há vendor/alambique aqui, então a biblioteca não foi atualizada: peça também o alambique {version} no pyproject.toml."

# make tour
TOUR_START = "{count} revisões, uma por vez, em um banco de rascunho que é apagado no fim."
TOUR_UP = "Passo {step} de {count}: {title}"
TOUR_SCHEMA = "O que muda no esquema:"
TOUR_ADDED = "Alice (30) e Bob (25) entram:"
TOUR_DATA = "Os dados continuam lá:"
TOUR_DOWN = "Um passo atrás, o {step} de {count} é desfeito: {title}"
TOUR_END = "Esse é o ciclo inteiro. Agora mude um modelo e rode: make migration m='...'"
TOUR_EMPTY = 'Ainda não há revisão para percorrer. Mude um modelo e rode: make migration m="..."'
TOUR_KEYS = "[Enter] seguir / [v] voltar / [s] sair: "
TOUR_BACK = {"v", "voltar"}
TOUR_QUIT = {"s", "sair"}
TOUR_AT_START = "Nada a desfazer: nenhuma revisão está aplicada."
TOUR_SAME = "nada mudou nas tabelas"
TOUR_GONE = "A tabela {table} saiu, e Alice e Bob com ela; entram de novo quando ela voltar."
TOUR_NOBODY = "Alice e Bob não puderam entrar na tabela {table} como ela é agora: {cause}"
TOUR_FAILED = "A revisão {path} falhou: {cause}. Conserte-a e rode `make tour` de novo."
TOUR_LEFT = "O banco de rascunho foi apagado. Para recomeçar: make tour"
NO_RICH = "Falta o rich, que desenha o passeio ({cause}). Rode `make setup`; se ainda faltar, ponha antes rich>=14,<16 no grupo dev do pyproject.toml."

# A API: a partida, /ready, make run
READY = "Pronto: o banco está em {code}."
NOT_STARTED = (
    "O serviço não foi iniciado. {cause} Para iniciar mesmo assim, defina STARTUP_CHECK=warn."
)
NOT_A_CHECK = "STARTUP_CHECK é {value!r}. Use refuse, warn ou off, ou não a defina."
NOT_A_DRIFT = "READY_DRIFT é {value!r}. Use off, warn ou refuse, ou não a defina."
READY_DRIFTED = "O schema do banco difere dos modelos: `make check` diz onde."
NOT_COMPARED = (
    "Não foi possível saber se o schema é o dos modelos ({cause}). O `make check` diz mais."
)
NO_ROW = "Não há {name} {id}."
DATABASE_GONE = "O banco de dados não responde no momento. Tente de novo daqui a pouco."
CONFLICT = "Isto não combina com o que está guardado: um valor que deve ser único já existe, ou outra linha precisa desta ou está faltando."
NO_APP = """Falta o app/api.py, que diz o que o serviço atende. Escreva um:

{entry}
Depois acrescente as rotas dos seus módulos e rode `make run` de novo."""
NO_PORT = "{port} não é uma porta. Dê um número abaixo de 65536: make run port=8000"
OPENAPI_UNKNOWN = "app.api:app é {kind}, e só o FastAPI descreve as suas rotas."
OPENAPI_WRITTEN = "{path} foi escrito."
OPENAPI_STALE = (
    "docs/openapi.json não é o que o serviço atende. Rode `make openapi` e faça o commit."
)

# make diagram
DIAGRAM_WRITTEN = "Escrevi {path}, com {count} tabela(s)."
DIAGRAM_STALE = (
    "docs/schema.mmd não é o que os modelos dizem. Rode `make diagram` e faça o commit dele."
)

# make doctor
DOCTOR_WHAT = {
    "python": "o Python",
    "packages": "os pacotes",
    "tools": "os programas",
    "environment": "o ambiente",
    "env_file": "o .env",
    "settings": "as configurações",
    "address": "a DATABASE_URL",
    "answers": "as respostas ao Copier",
    "server": "o servidor",
    "database": "o banco",
    "revisions": "a revisão do banco",
    "models": "os modelos",
    "library": "a biblioteca",
    "template_version": "a versão do template",
}
DOCTOR_NOT_ASKED = "Sem conferir {what}: depende do que falta acima."
DOCTOR_STUMBLED = "Não deu para conferir {what} ({cause}). Conserte isso, ou rode `make setup`, e depois `make doctor` de novo."
DOCTOR_PYTHON = "Python {version}, o da .venv."
DOCTOR_PYTHON_OTHER = "O Python é {version}, e o pyproject.toml pede {asked}. Rode `rm -r .venv && make setup PYTHON=...` com um que sirva."
DOCTOR_NOT_VENV = (
    "Este Python é {path}, e não o da .venv do projeto. Rode `make setup`, e depois `make doctor`."
)
DOCTOR_PACKAGES = "Os {count} pacotes que o pyproject.toml pede estão instalados."
DOCTOR_PACKAGES_MISSING = "Faltam pacotes, ou são de outra versão: {packages}. Rode `make setup`."
DOCTOR_TOOLS = "Programas: {tools}."
DOCTOR_TOOLS_MISSING = "Faltam programas. Instale-os: `apt install {tools}`, `brew install {tools}` ou como o seu sistema faz."
DOCTOR_NO_ANSWERS = (
    "{file} não diz como o ambiente é criado; `git checkout {file}` traz o arquivo de volta."
)
DOCTOR_NO_CONDA = (
    "Falta o conda: instale-o, ou use outro ambiente: `make template-update data=environment=uv`."
)
DOCTOR_TOOL_COMES = "Não há {tool} nesta máquina; `make setup` o instala na .venv."
DOCTOR_ENV = "O .env está no lugar."
DOCTOR_NO_ENV = "Falta o .env. Rode `make setup`."
DOCTOR_ENV_UNUSED = "Não há .env, e não faz falta: o banco está indicado em outro lugar."
DOCTOR_ENV_UNREADABLE = (
    "O .env não pode ser lido ({cause}). Guarde os valores dele e rode `rm -r .env && make setup`."
)
DOCTOR_SETTINGS = "Os nomes do .env são os do .env.example."
DOCTOR_MISSPELT = "No .env, {name} não faz nada; seria {meant}? Rode `sed -i.bak 's/^{name}=/{meant}=/' .env && rm .env.bak`."
DOCTOR_NOT_SET = "Falta {name} no .env. Rode `(echo; grep '^{name}=' .env.example) >> .env`."
DOCTOR_URL = "{name}: {url}, do .env."
DOCTOR_URL_GIVEN = "{name}: {url}, do ambiente, que vence o .env."
DOCTOR_URL_INI = "O banco é {url}: o sqlalchemy.url do alembic.ini vence o ambiente e o .env."
DOCTOR_URL_ASKED = "O banco é {url}, como diz o comando."
DOCTOR_URL_EXAMPLE = "{name}: {url}, do .env.example, já que nada mais indica um banco."
DOCTOR_ANSWERS = "O projeto é o que as respostas dele dizem."
DOCTOR_OTHER_ENGINE = "{place} indica um banco {found}, e o projeto foi feito para {asked}. Escreva ali a DATABASE_URL do .env.example; ou, se é isso mesmo, rode `make template-update data=database={found}`."
DOCTOR_OTHER_ENVIRONMENT = "A .venv não foi criada por {asked}, que as respostas indicam. Rode `rm -r .venv && make setup`."
DOCTOR_CREDENTIALS = "O endereço do template em {file} tem uma senha ou um token, que serve a quem lê o repositório. Revogue-o, retire-o da linha _src_path e faça o commit; um credential helper do git, ou uma chave SSH, abre o template."
DOCTOR_NO_SERVER = "SQLite não precisa de servidor."
DOCTOR_SERVER = "O servidor responde: {place}."
DOCTOR_SILENT = "O banco não respondeu em {seconds} s. Confira a DATABASE_URL e se o servidor está de pé; depois rode `make doctor` de novo."
DOCTOR_COMPOSE = "`docker compose up --wait` sobe o servidor do compose.yaml."
DOCTOR_DATABASE = "O banco abre: {name}."
DOCTOR_NO_DATABASE = "O banco {name} não existe. Rode `make setup`."
DOCTOR_HEAD = "O banco está na revisão mais nova: {head}."
DOCTOR_MODELS = "Os modelos são importados: {count} tabela(s)."
DOCTOR_LIBRARY = "A biblioteca em vendor/ está como foi publicada: alambique {version}."
DOCTOR_LIBRARY_EDITED = "A biblioteca em vendor/ (alambique {version}) não está como foi publicada: {files}. Leve a mudança ao template, onde ela chega a todos os serviços: uma atualização troca esses arquivos. O que não foi commitado volta com `git checkout -- 'vendor/alambique*'`; o que foi acrescentado ali, apague."
DOCTOR_LIBRARY_PACKAGE = "A biblioteca está instalada como pacote: alambique {version}."
DOCTOR_TEMPLATE_UNKNOWN = "Não deu para saber se o template tem versão nova: {cause}"

# make rebase
HISTORY_HEADER = "# Um conflito aqui: dois ramos criaram, cada um, uma revisão. `make rebase` põe as duas em uma linha."
ONE_LINE = "O histórico já é uma linha só; history.txt diz qual."
NO_FORK = "O histórico tem uma ponta para cada um de seus ramos, e nenhum ramo tem duas: {heads}. history.txt diz quais."
REBASE_BRANCHES = '{name} é a única ponta de seu ramo, e os ramos ficam separados: o que subiria seria a primeira revisão dele, que outros bancos podem ter. As pontas são {heads}. Para juntar ramos, escreva uma revisão que vem depois dos dois: alembic merge {all} -m "..."'
REBASED = "{path} agora vem depois de {bottom}; a ponta é {head}."
REBASE_DONE = "Leia as duas: podem mudar a mesma tabela. Depois faça `git add` das revisões e de {file}, o commit, e rode `make upgrade`."
REBASE_UNDOES = "Seu banco tem {revision}, que vai subir: ela é desfeita nele antes."
REBASE_UNSEEN = "O banco não foi consultado ({cause}). Se uma revisão abaixo estiver aplicada nele, desfaça-a antes do `make upgrade`: make downgrade."
REBASE_UNSURE = "O git não diz qual destas pontas o tronco tem, e o que outros bancos têm precisa ficar embaixo. Diga qual delas sobe:\n{choices}"
REBASE_CHOICE = "  make rebase top={top}    sobe {path}"
REBASE_KEEPS = "Para subir, {revisions} teria de ser desfeita no seu banco, e isso o tronco tem. Deixe-a embaixo e diga outra ponta: make rebase top=... Ou, se for mesmo para subir, desfaça antes: make downgrade to={to}"
MERGE_MOVES = "{path} já junta duas linhas e não pode subir sobre outra. Diga que ponta sobe no lugar dela: make rebase top=..."
NO_HEAD = "{name} não é uma ponta. As pontas são {heads}: make rebase top=..."

# make squash
SQUASH = "squash"
SQUASH_BRANCHES = 'Nada mudou: o histórico tem vários ramos, e a junção faz uma revisão de uma linha só. As pontas são {heads}. Se devem ser uma linha, junte-as antes: alembic merge {all} -m "..."'
SQUASH_FOLDERS = "Nada mudou: as revisões estão em várias pastas (version_locations no alembic.ini), e a junção faz uma revisão em uma pasta só. Leve-as antes para uma pasta, e deixe só essa no alembic.ini."
NOTHING_TO_SQUASH = "O histórico tem uma revisão ou nenhuma: nada a juntar."
SQUASHED_INTO = (
    "{count} revisões cabem em uma, {head}; um banco de rascunho foi feito a partir dela."
)
SQUASH_LOSES = "O histórico antigo também faz isto (-), ou isto difere (+). Os bancos que já têm isso ficam com ele; ponha à mão na revisão o que um banco novo precisar:"
ASK_SQUASH = "Pôr esta no lugar delas? [s/n] "
SQUASH_DONE = "{path} foi escrita, e as revisões que ela substitui, apagadas; o git as tem. Um banco que está atrás dela precisa do código anterior: atualize todos antes. Depois faça o commit."
SQUASH_UNDONE = "Nada mudou. Para juntar mesmo assim: make squash yes=1"
NOT_SQUASHED = "Nada mudou: não foi possível fazer um banco a partir de uma só revisão ({cause}). Corrija nos modelos o que isso diz, ou deixe o histórico como está."

# make lint
REVISIONS_FIT = "As revisões estão prontas para serem revistas."
REVISION_CHANGED = "{path} está fechada e foi editada depois: um banco que já a rodou nunca verá a edição. Desfaça-a (git checkout -- o arquivo) e escreva outra revisão; se só o seu banco a rodou, apague a linha dela em {file} e rode `make rebase`."
REVISION_GONE = "{revision} está em {file}, e a revisão não está mais lá: os bancos que a rodaram ficariam perdidos. Traga-a de volta (git checkout) ou, se só o seu banco a rodou, apague a linha dela e rode `make rebase`."
LINE_STALE = "{file} não termina com a ponta do histórico, ou de cada um de seus ramos. Rode `make rebase`, que o escreve, e faça o commit dele."
IMPORTS_APP = "{path} importa {names}: mudaria quando o código mudasse. Diga na própria revisão o que ela precisa: sa.table(...), um literal, uma cópia."
NO_DOWNGRADE = "{path}: downgrade() não desfaz nada. Escreva-o; ou, se não há volta, diga por quê na docstring dele."
CONFLICT_LEFT = "{place}: um conflito que ninguém resolveu ({text}). Fique com o que está certo dos dois lados e apague os marcadores. Onde uma linha assim tem lugar, .gitattributes diz isso: {path} conflict-marker-size=32"
LOCK_STALE = "{file} não é o que pyproject.toml pede ({cause}). Rode `{command}` e faça o commit."
LOCK_UNCHECKED = "{file} não pode ser comparado com pyproject.toml: não há {tool}. Rode `make setup`; ou, se ninguém usa mais o arquivo, apague-o."
SQUAWK_SAYS = "Se é isso mesmo que você quer, diga-o na revisão, em um comentário: # squawk-ignore <regra>: por quê"
SQUAWK_FAILED = "O squawk não conseguiu ler o SQL das revisões novas: {cause}. Conserte o que ele aponta, como o .squawk.toml, e rode o comando de novo."
NO_SQUAWK = "O squawk, que lê o SQL das revisões novas, não está instalado ({cause}). Rode `make setup`; se continuar faltando, acrescente antes squawk-cli>=2.50,<3 ao grupo dev do pyproject.toml."

# make plan markdown=1
PLAN_EMPTY = "Migrações: nada a aplicar"
PLAN_ONE = "Migrações: 1 revisão a aplicar"
PLAN_MANY = "Migrações: {count} revisões a aplicar"
PLAN_NO_RISK = "Nada que perca dados ou reescreva uma tabela foi encontrado."
PLAN_MORE = "e mais {count}"
PLAN_CUT = "O SQL foi cortado aqui: tem {length} caracteres, mais do que cabe em um comentário. `make plan` o imprime inteiro."

# alambique init
INIT_UNDO_HELP = "devolve o env.py anterior, ou escreve um padrão"
INIT_NO_INI = "Não há alembic.ini aqui. Rode o comando na pasta que o tem; um projeto sem histórico começa com `alembic init migrations`."
INIT_ELSEWHERE = "Não há alembic.ini aqui, mas há em {folders}. Rode o comando lá."
INIT_NO_ENV = "Não há {path}, de que o alembic.ini fala. Corrija script_location no alembic.ini, ou comece com `alembic init`."
INIT_NOT_READ = (
    "{path} não é um env.py que se possa ler ({cause}). Conserte-o e rode o comando de novo."
)
INIT_SEVERAL = "{place}: este env.py migra vários bancos de uma vez, e o alambique migra um. Nada foi escrito. Dê a cada banco uma pasta própria (alembic.ini, env.py), e rode `alambique init` lá."
INIT_ALREADY = "{path} já chama o alambique. `alambique init --undo` devolve o anterior."
INIT_LEFT = "Em {path}, o alambique não faz estas linhas, e o env.py deixaria de fazer:"
INIT_CONFIRM = "Seguir sem elas? [s/n] "
INIT_NOT_WRITTEN = "Nada foi escrito. Para seguir sem essas linhas: `alambique init --yes`, ou responda s em um terminal. A maioria cabe em uma revisão, ou entre os parênteses de run_migrations()."
INIT_DONE = (
    "{path} agora chama o alambique. O anterior é {aside}: `alambique init --undo` o traz de volta."
)
INIT_INI_MADE = "Criado {path}, para `alembic` e `alambique`; o `flask db` continua lendo o dele."
INIT_MODELS_SAID = (
    "Acrescentado a {path} onde estão os modelos, para os comandos que não rodam o env.py."
)
INIT_NEXT = (
    "Em seguida: `alembic current`, depois `alambique check`. `alambique --help` lista os outros."
)
INIT_NOT_OURS = "{path} não chama o alambique: não há o que desfazer."
INIT_BROUGHT_BACK = "{path} é o que era antes de `alambique init`."
INIT_STOCK = "{path} agora é o do próprio Alembic, com os modelos e a URL deste projeto."
INIT_UNHOOKED = "Tirados de {path} os hooks `ruff` e `history`: o Alembic sozinho não os conhece."
INIT_TAKEN_AWAY = "O que o alambique precisava em {path} se foi."
INIT_TABLES = "Nos bancos, o alambique pode ter deixado estas tabelas, de que o Alembic não precisa e que ele proporia apagar; alembic_ledger diz quem aplicou o quê, as outras estão vazias:\n{drops}\nAlém disso: `pip uninstall alambique`; o history.txt ao lado das revisões também pode ir embora."
FLASK_APP_MISSING = "O env.py pede o current_app do Flask, e nenhuma aplicação foi encontrada ({cause}). Diga onde ela está: `export FLASK_APP=modulo:nome`, ou use `flask db`."
