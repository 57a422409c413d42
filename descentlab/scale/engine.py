"""Optimizers of PyTorch that run a step function of NumPy."""

from __future__ import annotations

import copyreg
import functools
import inspect
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import is_
from typing import Any, ClassVar

import numpy as np
import torch

from descentlab.scale.arrays import as_array, as_tensor
from descentlab.scale.backend import COMPUTED, Job, jobs
from descentlab.scale.explain import explained
from descentlab.scale.lists import is_capturing
from descentlab.scale.lots import Lot, Lots, State, Tensor
from descentlab.scale.rule import Rule
from descentlab.scale.tracer import Program, UnsupportedStep

MOST_PROGRAMS = 8
"""Programs of a step that are compiled, in each dtype. A step with more does other
things at each ``t``, and would be compiled again and again."""

SHARDED = ("device_mesh", "_is_flat_param", "_fsdp_flattened")
"""What marks a parameter of which this process holds a part."""

NOT_NEGATIVE = {"lr", "eps", "weight_decay", "mu", "momentum"}


class StepOptimizer(torch.optim.Optimizer):
    """An optimizer whose rule is a step function; ``optimizer`` makes its subclasses.

    The function is called on proxies, once for each lot of parameters, unless it is
    known what another call would do. What it does with them is looked up as a compiled
    kernel, which changes parameters and state in place. Where that cannot be, the
    function runs on NumPy's arrays of each parameter. Nothing is kept but the state: an
    ordinary tensor for each parameter and name.
    """

    rule: ClassVar[Rule]
    _programs: ClassVar[defaultdict[str, set[Program]]]
    _in_numpy = False
    _lots: Lots | None = None
    _programs_now: Sequence[Program] = ()
    _jobs: Sequence[tuple[Job, list[int]]] = ()

    def __init__(self, params: Iterable[Any], *values: Any, **hyper: Any) -> None:
        super().__init__(params, _defaults(self.rule, values, hyper))

    @classmethod
    def explain(cls, dtype: str = "float32", **hyper: Any) -> None:
        """Print what the step becomes: the loop over elements that is compiled.

        Args:
            dtype: of the arrays: ``"float32"`` or ``"float64"``.
            hyper: values of hyper-parameters, where the defaults are not meant.
        """
        print(explained(cls.rule, dtype, hyper))

    # -- Making a step -----------------------------------------------------------------

    # What PyTorch compiles has a break here.
    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Make a step with the gradients that there are.

        Args:
            closure: computes the loss and its gradients anew, where it is given.

        Returns:
            What the closure returned.

        Raises:
            TypeError, ValueError: what the step function raises, or for wrong results.
            UnsupportedStep: on a GPU, for a step that only NumPy can run.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        with torch.no_grad():
            names = self.rule.signature.state
            groups, state = self.param_groups, self.state
            if not (self._lots and self._lots.are_as_before(groups, state)):
                self._lots, self._jobs = Lots(groups, state, names, self._begin), ()
            self._advance(self._lots)
            for lot in self._lots:
                torch.autograd.graph.increment_version(lot.params)
                for kept in lot.states:
                    kept["t"] += 1
        return loss

    def _begin(self, param: Tensor, kept: State) -> None:
        """Begin a parameter's state, or what is missing of it."""
        kept.setdefault("t", 0)
        for name in self.rule.signature.state:
            if name not in kept:
                kept[name] = torch.zeros_like(
                    param, memory_format=torch.preserve_format
                )

    def _advance(self, lots: Lots) -> None:
        """One step of all lots: by kernels, or else with NumPy."""
        reason: Exception | None = None
        if not self._in_numpy:
            try:
                recorded = [self._recorded(lot) for lot in lots]
                self._find_jobs(lots, [program for program, _ in recorded])
            except Exception as error:
                reason = error
            else:
                for job, places in self._jobs:
                    job.run([recorded[place][1] for place in places])
                return
        for lot in lots:
            if reason is not None and lot.device.type != "cpu":
                raise _refusal(self.rule.name, reason, lot.device)
        # An error of the step's own comes again, and comes through.
        for lot in lots:
            self._run_numpy(lot)
        if reason is not None:
            self._in_numpy = True
            self.rule.tell(f"{self.rule.name} runs as plain NumPy, slower: {reason}")

    def _hyper(self, lot: Lot) -> dict[str, Any]:
        return {name: _number(lot.group[name]) for name in self.rule.signature.hyper}

    def _recorded(self, lot: Lot) -> tuple[Program, list[Any]]:
        """What the step does with a lot, and the scalars of this step."""
        takes_t = self.rule.signature.takes_t
        if takes_t and is_capturing(lot.device):
            raise RuntimeError(
                f"{self.rule.name} counts its steps in Python, and a CUDA graph cannot:"
                " capture forward and backward pass, and step outside"
            )
        dtype = COMPUTED[lot.dtype]
        program, scalars = self.rule.record(dtype, lot.t + 1, self._hyper(lot))
        programs = self._programs[dtype]
        if program not in programs:
            if len(programs) == MOST_PROGRAMS:
                raise UnsupportedStep(
                    "its operations change from step to step; let numbers depend on t,"
                    " and not what is done with them"
                )
            self.rule.check(program)
            programs.add(program)
        return program, scalars

    def _find_jobs(self, lots: Lots, programs: Sequence[Program]) -> None:
        """The jobs of the step before, if all is as it was then, or else new ones."""
        if (
            self._jobs
            and all(map(is_, programs, self._programs_now))
            and all(job.goes_on() for job, _ in self._jobs)
        ):
            return
        self._programs_now = programs
        arrays = [lot.arrays() for lot in lots]
        self._jobs = jobs(self.rule.name, self.rule.arguments, programs, arrays)

    def _run_numpy(self, lot: Lot) -> None:
        """The step on copies of each parameter's arrays."""
        hyper, t = self._hyper(lot), lot.t + 1
        for tensors in zip(*lot.arrays(), strict=True):
            arrays = [as_array(tensor).copy() for tensor in tensors]
            dtype = arrays[0].dtype
            for place, result in self.rule.run(arrays, t, hyper).items():
                tensors[place].copy_(as_tensor(result, dtype))

    # -- Parameters and state ----------------------------------------------------------

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with hyper-parameters of their own.

        Raises:
            TypeError: for a hyper-parameter without a value, and for parameters that
                are complex, no floats, or sharded.
            ValueError: for a hyper-parameter that is out of its range.
        """
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        try:
            hyper = {
                key: group[key] for key in group if key in self.rule.signature.hyper
            }
            _check_hyper(self.rule.signature.fill(hyper, self.rule.name))
            for param in group["params"]:
                _check_parameter(self.rule.name, param)
        except (TypeError, ValueError):
            self.param_groups.pop()
            raise

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take over what was saved or copied; ``load_state_dict`` ends here, too.

        Raises:
            ValueError: where the state is another step's.
        """
        names = self.rule.signature.state
        if any(
            kept and not kept.keys() >= set(names) for kept in state["state"].values()
        ):
            raise ValueError(
                f"this state is not {self.rule.name}'s, which keeps"
                f" {', '.join(names) or 'nothing'} for each parameter"
            )
        super().__setstate__(state)
        for group in self.param_groups:
            # As PyTorch's Adam has them.
            group |= dict(zip(("beta1", "beta2"), group.get("betas", ()), strict=False))
            for name, value in self.defaults.items():
                group.setdefault(name, value)
        for param, kept in self.state.items():
            _translate(param, kept, names)

    def __reduce__(self) -> tuple[Any, ...]:
        # A class made by ``optimizer`` has no name that pickle could import.
        step, kind = self.rule.step, type(self)
        if kind is optimizer(step):
            return _blank, (step,), self.__getstate__()
        return copyreg.__newobj__, (kind,), self.__getstate__()  # type: ignore[attr-defined]


@functools.cache
def optimizer(step: Callable[..., Any]) -> type[StepOptimizer]:
    """Make a ``torch.optim.Optimizer`` class from a step function, unchanged.

    The class is used as any of PyTorch's: ``Adam = optimizer(adam_step)``, and then
    ``opt = Adam(model.parameters(), lr=1e-3)``. ``Adam.explain()`` prints the loop that
    the step becomes.

    Args:
        step: a function ``step(theta, grad, *state, [t,] lr, ...)`` in NumPy, where
            each element of a result follows from the same element of its arrays. Its
            arguments after ``grad`` and before ``t`` or ``lr`` are the state, zeros at
            first; ``t`` counts from 1; the rest are hyper-parameters of the class.

    Returns:
        The class; the same one for the same function.

    Raises:
        TypeError: where the signature is not that of a step.
    """
    rule = Rule(step)
    space = {
        "rule": rule,
        "_programs": defaultdict(set),
        "__doc__": step.__doc__,
        "__module__": step.__module__,
    }
    return type(rule.name, (StepOptimizer,), space)


def _blank(step: Callable[..., Any]) -> StepOptimizer:
    """An optimizer that unpickling fills."""
    made = optimizer(step)
    return made.__new__(made)


def _defaults(
    rule: Rule, values: Sequence[Any], hyper: Mapping[str, Any]
) -> dict[str, Any]:
    """The hyper-parameters of all groups, given by position or by name."""
    name, known = rule.name, rule.signature.hyper
    if len(values) > len(known):
        raise TypeError(
            f"{name} takes {len(known)} hyper-parameters ({', '.join(known)}), got"
            f" {len(values)}"
        )
    given = dict(zip(known, values, strict=False))
    twice = given.keys() & hyper.keys()
    if twice:
        raise TypeError(f"{name} got {min(twice)} twice")
    given |= hyper
    # What has no default may come with the groups.
    unset = [key for key, value in known.items() if value is inspect.Parameter.empty]
    filled = rule.signature.fill(dict.fromkeys(unset, None) | given, name)
    defaults = {k: v for k, v in filled.items() if k in given or k not in unset}
    _check_hyper(defaults)
    return defaults


def _translate(param: Tensor, kept: State, names: Sequence[str]) -> None:
    """Bring a parameter's state into the form in which a step uses it."""
    if "step" in kept:  # as PyTorch's optimizers count
        kept["t"] = kept.pop("step")
    if "t" in kept:
        kept["t"] = int(kept["t"])
    for name in names:
        value = kept.get(name)
        if value is None:  # PyTorch's SGD, before its first step
            kept.pop(name, None)
        elif value.shape == param.shape and value.stride() != param.stride():
            # In the order of the parameter's elements a loop can use it.
            kept[name] = torch.empty_like(param).copy_(value)


def _check_parameter(name: str, param: Tensor) -> None:
    if any(getattr(param, mark, None) is not None for mark in SHARDED):
        raise TypeError(
            f"{name} takes whole parameters, got a sharded one (FSDP, tensor parallel):"
            " DistributedDataParallel keeps them whole"
        )
    if param.dtype not in COMPUTED:
        raise TypeError(
            f"{name} takes float64, float32, bfloat16 or float16 parameters, got"
            f" {str(param.dtype).removeprefix('torch.')}"
        )


def _refusal(name: str, reason: Exception, device: torch.device) -> Exception:
    """What is raised where NumPy cannot help."""
    if not isinstance(reason, UnsupportedStep):
        return reason
    return UnsupportedStep(
        f"{name} can't run on {device}: {reason}. On the CPU it runs as plain NumPy"
    )


def _check_hyper(hyper: Mapping[str, Any]) -> None:
    """Refuse hyper-parameters with which no step makes sense."""
    for name, value in hyper.items():
        if isinstance(value, Tensor) and value.numel() != 1:
            raise ValueError(
                f"{name} must be one number, got {value.numel()} in a tensor"
            )
        number = _number(value)
        if not isinstance(number, int | float):
            continue
        if name in NOT_NEGATIVE and not number >= 0:
            raise ValueError(f"{name} must be 0 or more, got {name}={number}")
        if name.startswith("beta") and not 0 <= number < 1:
            raise ValueError(
                f"{name} must be 0 or more and less than 1, got {name}={number}"
            )


def _number(value: Any) -> Any:
    """A hyper-parameter as a Python number, which changes no array's dtype.

    Schedulers may make tensors or numbers of NumPy of them.
    """
    if type(value) is float:
        return value  # as most are: to ask for tensors takes longer
    return value.item() if isinstance(value, Tensor | np.generic) else value
