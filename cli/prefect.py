import runpy
import sys

import typer

from cli.instance import make_home
from syncline.settings import load_settings

__all__ = ["prefect"]


def prefect(context: typer.Context) -> None:
    """Prefect's own command, for this instance: it knows where the server is, and the password."""
    make_home(load_settings())
    sys.argv[:] = ["prefect", *context.args]
    runpy.run_module("prefect", run_name="__main__", alter_sys=True)
