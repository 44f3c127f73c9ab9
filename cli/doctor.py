"""`syncline doctor`: its findings, a line each, or as JSON."""

import os
from dataclasses import asdict
from typing import Annotated

import typer
from rich.text import Text

from cli import console
from cli.instance import is_there, unchecked
from cli.options import AsJson, Preset
from deployments.doctor import Finding, Verdict, examine, examine_plan
from syncline.errors import StoreError
from syncline.settings import load_settings

__all__ = ["doctor"]

_STYLES = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.ERROR: "red"}
_WIDTH = 12


def doctor(
    *,
    plan: Annotated[
        bool, typer.Option("--plan", help="Only whether the schedules fit the upstreams' budgets.")
    ] = False,
    preset: Preset = None,
    as_json: AsJson = False,
) -> int:
    """Check files, settings, database, Prefect and budgets; say what is wrong and how to mend it. 1 if anything is."""
    if preset is not None:
        os.environ["PERIODIC_SYNC_PRESET"] = preset
    findings = list(examine_plan(load_settings())) if plan else _examined()
    if as_json:
        console.write_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            mark = Text(f"{finding.verdict:<7}", style=_STYLES.get(finding.verdict, ""))
            console.line(Text.assemble(mark, f" {finding.part:<{_WIDTH}} ", finding.said))
    return 1 if any(finding.verdict is Verdict.ERROR for finding in findings) else 0


def _examined() -> list[Finding]:
    with unchecked() as instance:
        if not is_there(instance.store):
            raise StoreError("there is no database yet: run `syncline up`, or `syncline db upgrade`")
        return list(examine(instance.settings, instance.store))
