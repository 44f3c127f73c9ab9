"""A command as its file declares it, without what it does.

A command's name, arguments and help stand in the signature and the docstring of one function, in the file that does the
work. To import that file takes a second, as it needs the database or Prefect; the help, a mistyped option and the
shell's completion, which waits at each press of a key, need the signature alone. So only that is compiled, with the
imports and aliases that it names, and the file is imported when the command runs. Plainer ways were rejected: a
file for each declaration that imports the work late took two files for each command, and imports within each function
would have to be repeated in its helpers, where the lint asks for an excuse for each. What is compiled is a file of this
room, the same that would be imported.
"""

import ast
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

__all__ = ["declared", "text_of"]

_RUN = "_run"


def text_of(module: str, function: str) -> str:
    """The function's docstring."""
    found = (node for node in _parsed(module).body if isinstance(node, ast.FunctionDef) and node.name == function)
    return next(ast.get_docstring(node) or "" for node in found)


def declared(module: str, function: str) -> Callable[..., Any]:
    """The function of `cli.MODULE`, which imports that module when it is called.

    One that is called `app` puts commands together and does nothing else: it is taken as it is, with the functions
    that it names.
    """
    tree = _parsed(module)
    names: dict[str, Any] = {"__name__": f"cli.{module}", _RUN: _run}
    exec(compile(_part(tree, module, function), _path(module), "exec"), names)  # noqa: S102 - a file of this room
    found: Callable[..., Any] = names[function]
    return found


def _run(module: str, function: str, arguments: dict[str, Any]) -> Any:  # noqa: ANN401 - whatever a command returns
    return getattr(import_module(f"cli.{module}"), function)(**arguments)


def _part(tree: ast.Module, module: str, function: str) -> ast.Module:
    """The function and all that its signature needs, in the order of the file."""
    wanted, kept = {function}, set[ast.stmt]()
    while found := [node for node in tree.body if node not in kept and not wanted.isdisjoint(_bound(node))]:
        for node in found:
            if isinstance(node, ast.FunctionDef) and node.name != "app":
                _leave_the_work(node, module)
            wanted |= {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
            kept.add(node)
    for node in kept:
        if isinstance(node, ast.Import | ast.ImportFrom):
            node.names = [name for name in node.names if not wanted.isdisjoint(_bound_by(name))]
    return ast.fix_missing_locations(ast.Module([node for node in tree.body if node in kept], type_ignores=[]))


def _leave_the_work(node: ast.FunctionDef, module: str) -> None:
    """Have it call its namesake in the module; the docstring stays."""
    call = ast.parse(f"return {_RUN}({module!r}, {node.name!r}, locals())").body
    node.body = [*node.body[:1], *call]


def _bound(node: ast.stmt) -> Iterator[str]:
    """The names that a statement gives a value."""
    match node:
        case ast.FunctionDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)):
            yield name
        case ast.Assign(targets=[ast.Name(id=name)]):
            yield name
        case ast.ImportFrom(module="__future__"):
            pass
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            for one in names:
                yield from _bound_by(one)
        case _:
            pass


def _bound_by(name: ast.alias) -> tuple[str]:
    return (name.asname or name.name.partition(".")[0],)


def _parsed(module: str) -> ast.Module:
    return ast.parse(Path(_path(module)).read_text(encoding="utf-8"))


def _path(module: str) -> str:
    return str(Path(__file__).parent / f"{module}.py")
