"""The benchmark of steps runs, small and quickly, and finds what its table needs."""

import json

import pytest
import torch

from benchmarks import scale

pytestmark = pytest.mark.slow

LAYOUTS = dict(scale.LAYOUTS)
SMALL = {
    "plain": scale.Layout([(8, 8), (8,)], rules=tuple(scale.RULES)),
    "some active": scale.Layout([(8, 8), (8,)] * 4, active=2),
    "groups of views": scale.Layout([(8,)] * 3, groups=True, views=True),
}


@pytest.fixture(scope="module")
def found():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scale, "LAYOUTS", SMALL)
        patch.setattr(scale, "LEAST_ROUNDS", 2)
        cpu = torch.device("cpu")
        yield scale._rounded(scale.measure(SMALL, cpu, 0.0, processes=False))


def test_each_layout_rule_and_thread_has_a_row(found):
    threads = len(found["threads"])
    assert len(found["rows"]) == threads * (len(scale.RULES) + 2 * len(scale.MAIN))
    for row in found["rows"]:
        assert row["ours"] > 0 and row["step"] > 0 and row["iteration"] > 0
        assert row[row["best"]] > 0
    assert [row["layout"] for row in found["table"]] == list(SMALL)
    assert all(row["adam 1"] and row["ours"] for row in found["table"])
    json.dumps(found)


def test_the_goals_are_on_the_slowest_of_a_layout(found):
    goals = {row["goal"]: row for row in found["goals"]}
    worst = max(
        row["step"]
        for row in found["rows"]
        if row["layout"] == "some active" and row["rule"] in scale.MAIN
    )
    assert goals["some active: Adam, AdamW, momentum"]["reached"] == worst
    assert {"plain: RMSprop", "plain: Lookahead"} < goals.keys()


def test_nothing_is_compiled_later(found):
    assert found["compiled_later"] == 0


@pytest.mark.parametrize("rule", scale.RULES)
def test_each_rule_is_the_library_s_formula(rule):
    layout, cpu = SMALL["plain"], torch.device("cpu")
    for make in scale.RULES[rule].theirs.values():
        sides = [scale.Side(layout, m, cpu) for m in (scale.RULES[rule].ours, make)]
        for side in sides:
            for count in range(6):
                side.iterate(count, 1)
        for mine, theirs in zip(*(side.params for side in sides), strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-6, atol=1e-7)


def test_the_layouts_are_what_they_are_called():
    sizes = {
        name: (len(layout.shapes), sum(torch.Size(s).numel() for s in layout.shapes))
        for name, layout in LAYOUTS.items()
    }
    assert sizes["60 tensors, 1.2M"] == (60, 1_206_000)
    assert sizes["GPT-2-like, 148 tensors"][0] == 148
    assert abs(sizes["GPT-2-like, 148 tensors"][1] / 1e7 - 1) < 0.01
    assert abs(sizes["ResNet-like, 3M"][1] / 3e6 - 1) < 0.1


def test_a_quick_run_writes_nothing(monkeypatch, capsys):
    monkeypatch.setattr(scale, "measure", lambda *a, **k: {"goals": []})
    monkeypatch.setattr("sys.argv", ["scale", "--quick"])
    monkeypatch.setattr(scale, "record", None)
    scale.main()
    assert "written" not in capsys.readouterr().out
