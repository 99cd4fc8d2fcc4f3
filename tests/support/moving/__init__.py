"""A public project's history, moved over: run by its own env.py and by ours, killed, and compared.

    PYTHONPATH=tests .venv/bin/python -m support.moving <folder> --python <its python> \\
        [--database sqlite ...] [--rows-at 4] [--kills 12] [--down 3] [--seed 1]

Before it is called, the caller has a checkout (of which nothing is changed: it is copied) and a
virtual environment with what the project's env.py and revisions import, with psycopg, PyMySQL and
what the library itself needs (SQLAlchemy, Alembic, python-dotenv, sqlalchemy-utils). The library is
found in this working tree. What a project needs besides is said on the command line:

    --set NAME=VALUE     a variable of its environment; {url} stands for the database's
    --prelude FILE       Python run in each process before Alembic, where `config` is Alembic's and
                         `url` the database's: to enter an application, or give a connection;
                         a function `run(call)` in it calls what the command is (in a thread, say)
    --script FOLDER      where env.py is, if alembic.ini does not say so (Flask-Migrate)
    --driver DIALECT=X   another driver, such as postgresql=postgresql+asyncpg
    --metadata M:A       what its env.py gives as target_metadata
    --option NAME=EXPR   what else it gives context.configure
    --text COLUMN=A|B    what columns of that name hold, where a revision of theirs reads them
    --env FILE           an env.py instead of the one that the three above make

Each database gets three copies: one that the project's own env.py migrates, one that ours migrates,
and one where ours is killed before and after random statements, and goes on. Rows are put into all
of them, the same, at several points of the history; where a revision of theirs does not bear them,
that point is left out. At each point, and after each step down and up again at the end, the schema
in the server's own words and all rows are compared.

With `--noise`, each brings a database to the head and compares it with the project's models
(`--metadata`): what each proposes is counted, and shown where only one of them does.
"""
