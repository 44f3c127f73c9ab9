from pathlib import Path

from deployments.local.home import hold_home
from deployments.local.running_code import (
    ROOMS,
    RunningCode,
    changed_code,
    changed_code_warning,
    project_folder,
    running_code,
)
from syncline.settings import Settings


def _project(tmp_path: Path) -> Path:
    for name in ("flows/a.py", "syncline/store/migrations/versions/0001.py", "prefect.yaml"):
        (tmp_path / "project" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "project" / name).write_text("x = 1\n")
    return tmp_path / "project"


def _looked(code: RunningCode) -> list[str]:
    said: list[str] = []
    code.look(said.append)
    return said


def test_a_file_that_changes_under_a_running_instance_is_said_once(tmp_path: Path) -> None:
    """A `git pull` would else be met as "no such column", hours later."""
    project, settings = _project(tmp_path), Settings(home=tmp_path)
    with hold_home(settings), running_code(settings, project) as code:
        assert _looked(code) == []
        (project / "flows/a.py").write_text("x = 22\n")
        expected = "the code in flows/a.py has changed since `syncline up` started: restart it"
        assert _looked(code) == [expected]
        assert _looked(code) == []
        assert changed_code_warning(changed_code(settings)) == expected
        (project / "syncline/store/migrations/versions/0002.py").write_text("new")
        (project / "prefect.yaml").unlink()
        assert changed_code(settings) == ("flows/a.py", "prefect.yaml", "syncline/store/migrations/versions/0002.py")
        assert len(_looked(code)) == 1
    assert changed_code(settings) == ()


def test_what_is_touched_or_put_back_has_not_changed(tmp_path: Path) -> None:
    """`git checkout` there and back sets new times on the same text."""
    project, settings = _project(tmp_path), Settings(home=tmp_path)
    with hold_home(settings), running_code(settings, project) as code:
        (project / "flows/a.py").write_text("other\n")
        (project / "flows/a.py").write_text("x = 1\n")
        assert _looked(code) == []
        assert changed_code(settings) == ()


def test_a_record_that_a_killed_instance_left_counts_for_nothing(tmp_path: Path) -> None:
    """Nothing runs, so nothing has to be restarted."""
    project, settings = _project(tmp_path), Settings(home=tmp_path)
    (tmp_path / "running.json").write_text('{"folder": "' + str(project) + '", "code": {"flows/a.py": "0"}}')
    assert changed_code(settings) == ()
    with hold_home(settings):
        assert changed_code(settings) != ()


def test_the_rooms_are_all_watched() -> None:
    """A new room must not be forgotten."""
    folder = project_folder()
    packages = {path.parent.name for path in folder.glob("*/__init__.py")}
    assert packages - {"sandbox", "benchmarks"} == set(ROOMS)
