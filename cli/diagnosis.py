"""The findings of the doctor, a line each, or as JSON."""

from dataclasses import asdict

from rich.text import Text

from cli import console
from cli.instance import is_there, unchecked
from deployments.doctor import Finding, Verdict, examine, examine_plan
from syncline.errors import StoreError
from syncline.settings import load_settings

__all__ = ["show"]

_STYLES = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.ERROR: "red"}
_WIDTH = 12


def show(*, plan: bool, as_json: bool) -> int:
    """Print what was found; 1 where anything is an error."""
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
