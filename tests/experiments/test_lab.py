"""The machinery of the experiments, on one that takes no time."""

import json
import sys
import types
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from descentlab import results
from experiments import lab
from experiments.__main__ import main
from experiments.lab import Experiment, Sign, perform

CALLS = []


def run(arm, settings, seed, quick):
    CALLS.append((arm, settings["lr"], seed, quick))
    if settings["lr"] > 1:
        return {"loss": float("nan"), "curve": [1.0, float("nan")]}
    offset = 0.0 if arm == "good" else 1.0
    loss = offset + (settings["lr"] - 0.1) ** 2 + seed * 1e-3
    return {"loss": loss, "curve": [1.0, loss]}


RATES = [{"lr": lr} for lr in (0.3, 0.1, 3.0)]
TOY = Experiment(
    "Is good better?",
    {"good": RATES, "bad": RATES},
    run,
    score="loss",
    seeds=3,
    signs=[Sign("good", "bad", "loss", margin=0.5)],
)


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """An experiment called toy, whose module is a file and whose results go away."""
    module = types.ModuleType("experiments.toy")
    module.EXPERIMENT = TOY
    monkeypatch.setitem(sys.modules, "experiments.toy", module)
    folder = tmp_path / "experiments"
    folder.mkdir()
    (folder / "toy.py").write_text('"""Words."""\nRATES = 3\nEXPERIMENT = RATES\n')
    monkeypatch.setattr(lab, "ROOT", tmp_path)
    monkeypatch.setattr(lab, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(lab, "WORK", tmp_path / "work")
    CALLS.clear()
    return folder / "toy.py"


def performed(quick=False):
    with ThreadPoolExecutor(2) as executor:
        return perform("toy", executor, quick)


def test_the_best_settings_are_run_on_seeds_that_no_tuning_has_seen(toy):
    result = performed()
    assert result.settings == {"good": {"lr": 0.1}, "bad": {"lr": 0.1}}
    assert result.seeds == [0, 1, 2]
    assert result.tuning["seeds"] == [1000, 1001]
    assert len(CALLS) == 2 * (3 * 2 + 3)
    np.testing.assert_allclose(result.values("bad", "loss"), 1 + 1e-3 * np.arange(3))
    assert result.values("good", "curve").shape == (3, 2)
    assert TOY.signs[0].holds(result)
    assert not Sign("bad", "good", "loss").holds(result)


def test_what_diverged_in_tuning_is_never_chosen(toy):
    result = performed()
    tried = {s["lr"]: score for s, score in result.tuning["tried"]["good"]}
    assert tried[3.0] is None
    assert tried[0.1] < tried[0.3]


def test_a_second_run_repeats_nothing(toy):
    performed()
    CALLS.clear()
    performed()
    assert CALLS == []


def test_an_interrupted_run_goes_on_where_it_was(toy, monkeypatch):
    def failing(arm, settings, seed, quick):
        if len(CALLS) == 5:
            raise KeyboardInterrupt
        return run(arm, settings, seed, quick)

    sys.modules["experiments.toy"].EXPERIMENT = Experiment(
        TOY.question, TOY.arms, failing, TOY.score, TOY.seeds
    )
    with pytest.raises(KeyboardInterrupt), ThreadPoolExecutor(1) as executor:
        perform("toy", executor)
    kept = len(list((lab.WORK / "runs" / "toy").glob("*.json")))
    assert kept == 5
    sys.modules["experiments.toy"].EXPERIMENT = TOY
    CALLS.clear()
    performed()
    assert len(CALLS) == 18 - kept


def test_words_leave_a_result_current_and_code_does_not(toy):
    performed()
    assert lab.is_current("toy")
    toy.write_text('"""Other words."""\n# A comment.\nRATES = 3\nEXPERIMENT = RATES\n')
    assert lab.is_current("toy")
    toy.write_text('"""Words."""\nRATES = 4\nEXPERIMENT = RATES\n')
    assert not lab.is_current("toy")


def test_a_result_of_other_settings_is_not_current(toy):
    performed()
    rates = [{"lr": lr} for lr in (0.3, 0.1, 0.2)]
    arms = {"good": RATES, "bad": rates}
    experiment = Experiment(TOY.question, arms, run, TOY.score, TOY.seeds)
    sys.modules["experiments.toy"].EXPERIMENT = experiment
    assert not lab.is_current("toy")


def test_a_quick_run_leaves_the_result_alone(toy):
    performed()
    before = lab.place("toy").read_text()
    quick = performed(quick=True)
    assert lab.place("toy").read_text() == before
    assert quick.seeds == [0, 1]
    assert {call[3] for call in CALLS} == {False, True}


def test_a_quick_run_takes_more_seeds_where_two_do_not_show_the_sign(toy):
    def unlucky(arm, settings, seed, quick):
        found = run(arm, settings, seed, quick)
        return found | {"loss": found["loss"] + 2 * (arm == "good" and seed == 1)}

    sign = Sign("good", "bad", "loss", margin=0.1)
    sys.modules["experiments.toy"].EXPERIMENT = Experiment(
        TOY.question, TOY.arms, unlucky, TOY.score, TOY.seeds, signs=[sign]
    )
    result = performed(quick=True)
    assert result.seeds == list(range(8))
    assert sign.holds(result)
    assert len(CALLS) == 2 * (2 + 8)  # the first two are kept


def test_unequal_budgets_are_refused():
    with pytest.raises(ValueError, match="as many settings"):
        Experiment("?", {"a": RATES, "b": RATES[:2]}, run, score="loss")
    # What nobody tunes may stand beside what is tuned.
    Experiment("?", {"a": RATES, "default": RATES[:1], "b": RATES}, run, score="loss")


def test_a_grid_falls_by_equal_factors():
    assert lab.grid(10.0, 4) == [10.0, 3.16, 1.0, 0.316]
    assert lab.grid(0.1, 3, per_decade=1) == [0.1, 0.01, 0.001]


def test_tuning_and_result_are_judged_on_different_examples():
    held_out = np.arange(7), np.arange(7) + 10
    tuned, result = (lab.judged_half(held_out, seed) for seed in (1001, 1))
    for part, both in enumerate(held_out):
        found = np.concatenate([tuned[part], result[part]])
        assert sorted(found) == list(both)
    assert list(tuned[1] - tuned[0]) == [10] * 3


def test_an_unknown_experiment_is_one_line(capsys):
    assert main(["nonsense"]) == 2
    assert "race_images" in capsys.readouterr().err


def test_an_unknown_result_lists_what_there_is():
    with pytest.raises(FileNotFoundError, match="no result 'nonsense'"):
        results.load("nonsense")


@pytest.mark.parametrize("name", lab.names())
def test_every_experiment_has_a_current_result(name):
    path = lab.place(name)
    assert path.is_file(), f"run: python -m experiments {name}"
    assert lab.is_current(name), f"{path.name} is older than its code"
    found = json.loads(path.read_text(encoding="utf-8"))
    assert not found["quick"]
    assert path.stat().st_size < 100_000
    loaded = results.load(name)
    assert len(loaded.seeds) >= 5
    for arm in loaded.arms:
        for metric in loaded.runs[arm]:
            assert len(loaded.runs[arm][metric]) == len(loaded.seeds)
    assert all(sign.holds(loaded) for sign in lab.find(name).signs)


@pytest.mark.parametrize("name", [n for n in lab.names() if n.startswith("race_")])
def test_no_best_rate_of_a_race_lies_at_the_edge_of_its_grid(name):
    found = results.load(name)
    for arm, tried in found.tuning["tried"].items():
        rates = sorted(settings["lr"] for settings, _ in tried)
        assert rates[0] < found.settings[arm]["lr"] < rates[-1]


@pytest.mark.slow
def test_the_reduced_runs_show_the_signs(tmp_path, monkeypatch):
    monkeypatch.setattr("experiments.lab.WORK", tmp_path)
    assert main(["--quick"]) == 0
