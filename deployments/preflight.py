"""What must be right before anything is started; each problem is one line that says what to change."""

from __future__ import annotations

import errno
import importlib
import socket
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from prefect import Flow

from deployments.account_plan import unfit
from deployments.environment import PREFECT_HOST
from deployments.schedules.file import Deployment, read_deployments, read_upkeep
from deployments.secrets_file import short_secrets
from flows.registry import find, names, sources
from syncline.contests.pushing import endpoint_of
from syncline.errors import ConfigurationError, MissingSettingError
from syncline.model.source import Source
from syncline.settings import SECRET_BYTES, Settings
from syncline.upstreams.auth import signer_of

__all__ = [
    "DRAIN_TAG",
    "check_deployments",
    "check_entrypoint",
    "check_ports",
    "check_secrets",
    "check_upstream",
    "check_upstreams",
    "freshness_warning",
    "has_accounts",
    "is_set_up",
    "missing_warning",
    "ports_of",
    "unknown_warning",
]

DRAIN_TAG = "drain"
"""Marks the deployments of drains in prefect.yaml."""


def ports_of(settings: Settings, *, demo: bool) -> dict[str, tuple[str, int]]:
    """The addresses that will be listened on, by the setting that names their port."""
    ports = {"SYNCLINE_WEB_PORT": (settings.host, settings.web_port)}
    if settings.prefect_api_url is None:
        ports["SYNCLINE_PREFECT_PORT"] = (PREFECT_HOST, settings.prefect_port)
    if demo:
        ports["SYNCLINE_SANDBOX_PORT"] = ("127.0.0.1", settings.sandbox_port)
    return ports


def check_ports(ports: Mapping[str, tuple[str, int]]) -> None:
    """Every port can be listened on.

    Raises:
        ConfigurationError: one is in use, or two are the same; names the setting.
    """
    seen: dict[int, str] = {}
    for setting, (host, port) in ports.items():
        if port in seen:
            raise ConfigurationError(f"{setting} and {seen[port]} are both {port}: set one of them to another port")
        seen[port] = setting
        _check_port(setting, host, port)


def _check_port(setting: str, host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                message = f"port {port} is in use: end what listens there, or set {setting} to another port"
            elif error.errno == errno.EACCES:
                message = f"port {port} may not be used: set {setting} to one above 1023"
            else:
                message = f"{host}:{port} cannot be listened on ({error.strerror}): see SYNCLINE_HOST and {setting}"
            raise ConfigurationError(message) from None


def freshness_warning(settings: Settings) -> str | None:
    """What of PERIODIC_SYNC_… does not fit together, in one line; None: it does, or no wallet is synced.

    Raises:
        ConfigurationError: one of them cannot be used.
    """
    return "; ".join(unfit(settings)) or None


def check_secrets(settings: Settings) -> None:
    """No secret can be guessed.

    Raises:
        ConfigurationError: one is too short; names it.
    """
    short = short_secrets(settings)
    if short:
        what = "have" if len(short) > 1 else "has"
        raise ConfigurationError(
            f"{', '.join(short)} {what} fewer than {SECRET_BYTES} bytes: set a longer one (`openssl rand -hex 32`), "
            "or none, and `syncline up` makes one"
        )


def is_set_up(settings: Settings, source: Source) -> bool:
    """Whether anything says where the source's upstream is; one that has no address is not served."""
    return source.missing(settings) is None


def has_accounts(settings: Settings) -> bool:
    """Whether a source with accounts is set up, whose jobs drains do."""
    return any(one.accounts is not None and is_set_up(settings, one) for one in sources())


def check_upstreams(settings: Settings) -> None:
    """Every source that is set up knows where its upstream is and how to sign, and there is one; so do webhooks.

    Raises:
        ConfigurationError: no upstream has an address, or an address or a credential cannot be used; names the setting.
    """
    served = [source for source in sources() if is_set_up(settings, source)]
    if not served:
        check_upstream(settings, find(read_deployments()[0].source))
    for source in served:
        check_upstream(settings, source)
    endpoint_of(settings)


def missing_warning(settings: Settings) -> str | None:
    """The sources that are not served, in one line, with the settings that switch them on; None: all are."""
    missing: dict[str, list[str]] = {}
    for source in sources():
        setting = source.missing(settings)
        if setting is not None:
            missing.setdefault(setting, []).append(source.name)
    if not missing:
        return None
    told = ", ".join(f"{' and '.join(those)} ({setting})" for setting, those in missing.items())
    return f"Not set up, and so not served: {told}"


def unknown_warning(settings: Settings) -> str | None:
    """The upstreams that are set and that no source has, in one line, with the nearest that there is; None: none is."""
    known = {name for source in sources() for name in (source.upstream.name.lower(), *_further(source))}
    told = [
        f"SYNCLINE_UPSTREAMS__{name.upper()}__…{_nearest(name, known)}"
        for name in settings.upstreams
        if name not in known
    ]
    return f"No source has the upstream of {', '.join(told)}" if told else None


def _further(source: Source) -> tuple[str, ...]:
    """The upstreams that a source with accounts asks beside."""
    return () if source.accounts is None else source.accounts.upstreams


def _nearest(name: str, known: Iterable[str]) -> str:
    found = get_close_matches(name, list(known), n=1)
    return f" (did you mean {found[0].upper()}?)" if found else ""


def check_upstream(settings: Settings, source: Source) -> None:
    """The source knows where its upstream is, and how to sign; raises as `check_upstreams` does."""
    if source.accounts is not None:
        missing = source.accounts.missing(settings)
        if missing is not None:
            raise MissingSettingError(missing, f"{source.name} asks what it names")
        return
    settings.base_url(source.upstream.name)
    signer_of(source.upstream, settings)
    if source.upstream.needs_user:
        settings.user_id(source.upstream.name)


def check_deployments() -> None:
    """Every source has a deployment, every deployment a source, and each entrypoint is the flow that it says.

    Raises:
        ConfigurationError: prefect.yaml cannot be used, or one lacks the other; names which.
    """
    for deployment in (*read_deployments(), *read_upkeep()):
        check_entrypoint(deployment)
    deployed = {deployment.source for deployment in read_deployments()}
    for name in names():
        if name not in deployed:
            raise ConfigurationError(
                f"prefect.yaml has no deployment of the flow sync-{name}: add one, or `syncline new`"
            )
    for name in sorted(deployed - set(names())):
        raise ConfigurationError(
            f"prefect.yaml deploys sync-{name}, but no file in flows/ declares the source {name!r}"
        )


def check_entrypoint(deployment: Deployment) -> None:
    """The entrypoint can be loaded, and is the flow `flow_name`; else each run of the deployment would crash.

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
