import runpy
import sys

import typer

__all__ = ["prefect"]


def prefect(context: typer.Context) -> None:
    """Prefect's own command, for this instance: it knows where the server is, and the password."""
    from cli.instance import make_home  # noqa: PLC0415 - loaded when it runs, so that other commands start quickly
    from syncline.settings import load_settings  # noqa: PLC0415 - the same

    make_home(load_settings())
    sys.argv[:] = ["prefect", *context.args]
    runpy.run_module("prefect", run_name="__main__", alter_sys=True)
