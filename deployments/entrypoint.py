"""Whether the entrypoint of a deployment is the flow that prefect.yaml says; else each of its runs would crash."""

from __future__ import annotations

import importlib

from prefect import Flow

from deployments.schedules.file import Deployment
from syncline.errors import ConfigurationError

__all__ = ["check_entrypoint"]


def check_entrypoint(deployment: Deployment) -> None:
    """The entrypoint can be loaded, and is the flow `flow_name`.

    Raises:
        ConfigurationError: it cannot, or is not; names the deployment.
    """
    module_name, _, name = deployment.entrypoint.rpartition(".")
    where = f"prefect.yaml, deployment {deployment.name}: entrypoint {deployment.entrypoint}:"
    if not module_name:
        raise ConfigurationError(f"{where} it must be dotted, such as flows.products.sync_products")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{module_name}.".startswith(f"{error.name}."):
            raise ConfigurationError(f"{where} there is no module {error.name}") from None
        raise ConfigurationError(f"{where} {module_name} needs the module {error.name}, which is missing") from error
    except (Exception, SystemExit) as error:
        problem = f"{type(error).__name__}: {(str(error).strip() or 'no message').splitlines()[0]}"
        raise ConfigurationError(f"{where} {module_name} cannot be loaded: {problem}") from error
    flow: object = getattr(module, name, None)
    if not isinstance(flow, Flow):
        what = f"{module_name} has no {name}" if flow is None else f"{name} is no flow"
        raise ConfigurationError(f"{where} {what}")
    if flow.name != deployment.flow_name:
        raise ConfigurationError(f"{where} the flow is named {flow.name}, and flow_name says {deployment.flow_name}")
