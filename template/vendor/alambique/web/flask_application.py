"""Flask's application, for an env.py that asks `current_app` and is not run by `flask db`."""

from __future__ import annotations

import os

from alembic.util import CommandError
from flask import has_app_context
from flask.cli import NoAppException, ScriptInfo, load_dotenv

from alambique import messages


def enter_application() -> None:
    """Enter the context of the application that `flask` itself would find, unless there is one.

    It is that of FLASK_APP, in the environment, `.env` or `.flaskenv`, else `app` in wsgi.py or
    app.py. The context stays for as long as the process.

    Raises:
        CommandError: there is none.
    """
    if has_app_context():
        return
    load_dotenv()
    try:
        application = ScriptInfo(app_import_path=os.environ.get("FLASK_APP")).load_app()
    except NoAppException as error:
        raise CommandError(messages.FLASK_APP_MISSING.format(cause=error)) from error
    application.app_context().push()
