import sys
from pathlib import Path

import pytest

from deployments.preflight import check_entrypoint
from deployments.schedules.file import Deployment, read_deployments, read_upkeep
from syncline.errors import ConfigurationError

BROKEN = "raise RuntimeError('no such luck')\n"
LACKING = "import a_module_that_is_not_installed\n"
LEAVING = "raise SystemExit(3)\n"


def test_the_entrypoints_of_this_project_are_what_they_say() -> None:
    """What ships must start."""
    for deployment in (*read_deployments(), *read_upkeep()):
        check_entrypoint(deployment)


@pytest.mark.parametrize(
    ("entrypoint", "problem"),
    [
        ("flows.nowhere.sync_products", "there is no module flows.nowhere"),
        ("flows.products.sync_nothing", "flows.products has no sync_nothing"),
        ("flows.products.PRODUCTS", "PRODUCTS is no flow"),
        ("flows.customers.sync_customers", "the flow is named sync-customers, and flow_name says sync-products"),
        ("broken_flow.sync", "broken_flow cannot be loaded: RuntimeError: no such luck"),
        ("lacking_flow.sync", "lacking_flow needs the module a_module_that_is_not_installed, which is missing"),
        ("leaving_flow.sync", "leaving_flow cannot be loaded: SystemExit: 3"),
        ("sync_products", "it must be dotted"),
    ],
)
def test_a_wrong_entrypoint_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entrypoint: str, problem: str
) -> None:
    """Else everything starts, and each run of this deployment crashes."""
    for name, text in {"broken_flow": BROKEN, "lacking_flow": LACKING, "leaving_flow": LEAVING}.items():
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    wrong = Deployment(name="products", flow_name="sync-products", entrypoint=entrypoint)
    with pytest.raises(ConfigurationError) as refused:
        check_entrypoint(wrong)
    assert str(refused.value).startswith(f"prefect.yaml, deployment products: entrypoint {entrypoint}: {problem}")
    assert "\n" not in str(refused.value)
