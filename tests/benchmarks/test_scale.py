"""The benchmark of steps runs, small and quickly, and finds what its table needs."""

import json

import numpy as np
import pytest
import torch

from benchmarks import scale
from descentlab.scale import kernel

pytestmark = pytest.mark.slow

TRY = scale.Scale(one=2_000, layers=2, width=8, rounds=3, processes=False)


@pytest.fixture(scope="module")
def found():
    return scale._rounded(scale.measure(TRY, torch.device("cpu")))


def test_each_way_has_a_time_for_each_rule(found):
    for layout in ("one", "many"):
        rows = {row["way"]: row for row in found[layout]}
        assert list(rows)[:2] == ["NumPy", "torch.compiler.wrap_numpy"]
        assert all(time > 0 for time in rows["ours"].values() if time != "ours")
        assert rows["torch, fused"]["rmsprop"] is None
        assert set(found[f"{layout}_ratios"]) == {*scale.RULES, "adam over floor"}
        assert [row["style"] for row in found[f"{layout}_styles"]] == list(scale.STYLES)
    assert len(found["goals"]) == 12 and found["machine"]["cores"] > 0
    json.dumps(found)


def test_a_ratio_is_taken_round_by_round():
    seconds = {
        "ours": np.array([1.0, 20.0, 3.0]),  # the second round met something else
        "torch, foreach": np.array([2.0, 40.0, 6.0]),
        "torch, fused": np.array([9.0, 9.0, 9.0]),
        "floor": np.array([1.0, 20.0, 2.0]),
    }
    assert scale.ratio(seconds, "ours", "torch, foreach") == 0.5
    assert scale.ratios({"adam": seconds}) == {"adam": 0.5, "adam over floor": 1.0}


def test_nothing_is_compiled_anew(monkeypatch):
    monkeypatch.setattr(kernel, "COMPILE_FROM", 2)
    assert scale.recompiles(TRY, torch.device("cpu")) == 0


@pytest.mark.parametrize("style", scale.STYLES)
@pytest.mark.parametrize("rule", ["adam", "adamw"])
def test_all_styles_are_the_library_s_formula(style, rule):
    step, (_, library, settings) = scale.STYLES[style], scale.RULES[rule]
    step = scale.decayed(step) if rule == "adamw" else step
    one, other = (scale.parameters([(4, 3), (5,)], torch.device("cpu")) for _ in "ab")
    ways = scale.ours(step, one), library(other, lr=scale.LR, **settings).step
    for _ in range(5):
        for way in ways:
            way()
    for mine, theirs in zip(one, other, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-6, atol=1e-7)


def test_a_quick_run_writes_nothing(monkeypatch, capsys):
    monkeypatch.setattr(scale, "measure", lambda size, device: {"size": size.one})
    monkeypatch.setattr("sys.argv", ["scale", "--quick"])
    monkeypatch.setattr(scale, "record", None)
    scale.main()
    assert "written" not in capsys.readouterr().out
