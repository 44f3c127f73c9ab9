from pathlib import Path

import pytest

from deployments.new_source.draft import skeleton
from deployments.new_source.names import choose
from deployments.new_source.schedule_entry import entry_text, with_entry
from deployments.schedules.file import default_path, read_deployments
from syncline.model.upstream import Upstream

WIDGETS = skeleton(choose("widgets", None), Upstream(name="shop"))


def test_what_stands_in_the_file_stays_as_it_is(tmp_path: Path) -> None:
    """Comments, anchors and the order are its owner's."""
    before = default_path().read_text()
    after = with_entry(default_path(), WIDGETS, every_seconds=900)
    assert after.startswith(before.rstrip("\n") + "\n\n  - name: widgets\n")
    path = tmp_path / "prefect.yaml"
    path.write_text(after)
    *others, widgets = read_deployments(path)
    assert others == read_deployments()
    (schedule,) = widgets.schedules
    assert (widgets.source, widgets.entrypoint, widgets.tags) == ("widgets", "flows.widgets.sync_widgets", ["shop"])
    assert (schedule.slug, schedule.interval, schedule.anchor_date is None) == ("widgets", 900, False)
    assert widgets.work_pool == others[0].work_pool
    assert "work_pool: *pool" in after.partition("name: widgets")[2]


@pytest.mark.parametrize(
    "before",
    [
        "deployments: []\n",
        "---\n# mine\ndeployments:\n- name: a\n  flow_name: sync-a  # why\n  entrypoint: flows.a.sync_a\n",
        "deployments:\n  - name: a\n    flow_name: sync-a\n    entrypoint: flows.a.sync_a\n    work_pool: {name: z}\n",
    ],
)
def test_other_layouts_are_added_to_as_well(before: str, tmp_path: Path) -> None:
    """People write YAML in their own way, and it is kept."""
    path = tmp_path / "prefect.yaml"
    path.write_text(before)
    after = with_entry(path, WIDGETS, every_seconds=60)
    assert after.startswith(before.removesuffix(" []\n").rstrip("\n"))
    path.write_text(after)
    assert read_deployments(path)[-1].name == "widgets"
    assert entry_text(WIDGETS, every_seconds=60).splitlines()[0].strip() == "- name: widgets"
