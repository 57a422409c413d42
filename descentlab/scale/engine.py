"""Optimizers of PyTorch that run a step function of NumPy."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from operator import is_not
from typing import Any, ClassVar

import numpy as np
import torch
from torch.autograd import profiler
from torch.optim import optimizer as pytorch

from descentlab.scale.buffers import (
    HALF,
    Bucket,
    State,
    Tensor,
    as_array,
    movable,
    own,
    wide,
)
from descentlab.scale.explain import explained
from descentlab.scale.kernel import Kernel, kernel
from descentlab.scale.rule import Rule
from descentlab.scale.tape import Recipe, Untapeable

GROUP_KEYS = {"params", "param_names", "name", "initial_lr"}
"""What a parameter group may hold beside hyper-parameters."""


Mark = tuple[Tensor, Tensor, int]
"""A parameter, its gradient, and how often that had changed."""


class StepOptimizer(torch.optim.Optimizer):
    """An optimizer whose rule is a step function; ``optimizer`` makes its subclasses.

    At each step the function is called on stand-ins for its arrays, once for each
    bucket of parameters. What it does with them is looked up as a kernel, which runs
    on the bucket's buffers. Where that can't be, the function runs on NumPy's views of
    each parameter.
    """

    rule: ClassVar[Rule]

    def __init__(self, params: Iterable[Any], **hyper: Any) -> None:
        self._marks: list[Mark] = []
        self._start()
        super().__init__(params, self.rule.signature.fill(hyper, self.rule.name))
        self._shown = False

    def _start(self) -> None:
        self._buckets: dict[int, list[Bucket]] = {}
        self._states: list[State] = []
        self._plain = False
        self._shown = False

    @classmethod
    def explain(cls, dtype: str = "float32", **hyper: Any) -> None:
        """Print what the step becomes: a few lines of PyTorch.

        Args:
            dtype: of the arrays: ``"float32"`` or ``"float64"``.
            hyper: values of hyper-parameters, where the defaults are not meant.
        """
        print(explained(cls.rule, dtype, hyper))

    @property
    def state(self) -> defaultdict[Tensor, State]:
        """For each parameter that has made a step, its arrays and its count ``t``.

        Nobody can have changed what nobody has got hold of. So until somebody asks for
        it, a step does not look through it, which for many small parameters takes as
        long as a part of the step itself.
        """
        if not self._shown:
            self._shown = True
            self._spread_counts()
            self._states = list(self._own_state.values())
        return self._own_state

    @state.setter
    def state(self, state: defaultdict[Tensor, State]) -> None:
        vars(self)["state"] = state  # where PyTorch's unpickling puts it, too
        self._buckets = {}
        self._shown = True  # to whoever gave it

    @property
    def _own_state(self) -> defaultdict[Tensor, State]:
        """The state, which stays unseen."""
        state: defaultdict[Tensor, State] = vars(self)["state"]
        return state

    def _spread_counts(self) -> None:
        for bucket in chain.from_iterable(self._buckets.values()):
            bucket.spread_count()

    # -- Making a step -----------------------------------------------------------------

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Make a step with the gradients that there are.

        Args:
            closure: computes the loss and its gradients anew, where it is given.

        Returns:
            What the closure returned.

        Raises:
            TypeError, ValueError: what the step function raises, or for wrong results.
            Untapeable: on a GPU, for a step that only NumPy can run.
        """
        return (
            self._watched_step(closure) if self._is_watched() else self._step(closure)
        )

    # PyTorch wraps what is not marked so. For a small step that takes longer than what
    # it has to compute, and only hooks and profilers need it.
    step.hooked = True  # type: ignore[attr-defined]

    def _is_watched(self) -> bool:
        """Whether a profiler runs, or anybody has hooked into steps."""
        return bool(
            profiler._is_profiler_enabled
            or self._optimizer_step_pre_hooks
            or self._optimizer_step_post_hooks
            or pytorch._global_optimizer_pre_hooks
            or pytorch._global_optimizer_post_hooks
        )

    def _step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        untouched = self._untouched()
        if self._shown:
            states = list(self._own_state.values())
            if len(states) != len(self._states) or any(
                map(is_not, states, self._states)
            ):
                self._buckets = {}  # somebody has put other states there
        for place, group in enumerate(self.param_groups):
            hyper = {name: _number(group[name]) for name in self.rule.signature.hyper}
            for bucket in self._active(place, group["params"], untouched):
                self._advance(bucket, hyper)
        if self._shown:
            self._states = list(self._own_state.values())
        return loss

    _watched_step = torch.optim.Optimizer.profile_hook_step(_step)

    def _advance(self, bucket: Bucket, hyper: Mapping[str, Any]) -> None:
        """One step of one bucket: in one loop, or else with NumPy."""
        reason: Exception | None = None
        if not self._plain:
            try:
                dtype = NAMES[bucket.dtype]
                recorded = self.rule.record(dtype, bucket.steps + 1, hyper)
            except Exception as error:
                reason = error
        if reason is not None and bucket.device.type != "cpu":
            raise self._refusal(reason, bucket.device)
        if self._plain or reason is not None:
            # An error of the step's own comes again, and comes through.
            self._run_numpy(bucket, hyper)
        else:
            self._run_kernel(bucket, *recorded)
        if reason is not None:
            self._plain = True
            self.rule.tell(f"{self.rule.name} runs as plain NumPy, slower: {reason}")
        bucket.count(everywhere=self._shown)

    def _refusal(self, reason: Exception, device: torch.device) -> Exception:
        """What is raised where NumPy can't help."""
        if not isinstance(reason, Untapeable):
            return reason
        return Untapeable(
            f"{self.rule.name} can't run on {device}: {reason}. On the CPU it runs as"
            " plain NumPy"
        )

    def _run_kernel(self, bucket: Bucket, recipe: Recipe, scalars: list[Any]) -> None:
        """The step in one loop over a bucket's buffers."""
        made = _kernel(self.rule, recipe, BOTH if bucket.dtype in HALF else NEITHER)
        made(bucket.arrays(), scalars, bucket.in_numpy)

    @torch.no_grad()
    def _run_numpy(self, bucket: Bucket, hyper: Mapping[str, Any]) -> None:
        """The step on NumPy's views of each parameter."""
        for param, kept in zip(bucket.params, bucket.state, strict=True):
            state = [kept[name] for name in bucket.names]
            # The gradient is copied: a step may change it, and others may use it.
            gradient = as_array(_gradient(param)).copy()
            arrays = [as_array(param), gradient, *map(as_array, state)]
            results = self.rule.run(arrays, bucket.steps + 1, hyper)
            changed = {
                place: np.require(
                    _apart(result, place, arrays), arrays[0].dtype, ["C", "W"]
                )
                for place, result in results.items()
            }
            for result, tensor in zip(changed.values(), (param, *state), strict=True):
                tensor.copy_(torch.from_numpy(result))

    # -- Parameters and their gradients ------------------------------------------------

    def _active(
        self, place: int, params: Sequence[Tensor], untouched: set[int]
    ) -> list[Bucket]:
        """The buckets of a group's parameters that have gradients."""
        active = [param for param in params if param.grad is not None]
        if untouched:
            active = [param for param in active if id(param) not in untouched]
        buckets = self._buckets.get(place, [])
        # As ever: to group anew would find the same, more slowly.
        if (
            len(buckets) == 1
            and buckets[0].holds(active)
            and buckets[0].is_in_place(with_state=self._shown)
        ):
            return buckets
        return self._regrouped(place, dict.fromkeys(active))

    def _regrouped(self, place: int, active: dict[Tensor, None]) -> list[Bucket]:
        """The buckets of the active parameters: those there are, or new ones."""
        kept, resting = [], []
        if not self._shown:
            self._spread_counts()
        for bucket in self._buckets.get(place, ()):
            having = [param in active for param in bucket.params]
            if not bucket.is_in_place() or (any(having) and not all(having)):
                for index, has in enumerate(having):
                    if not has:
                        bucket.release(index)
            elif having[0]:
                kept.append(bucket)
                for param in bucket.params:
                    del active[param]
            else:
                resting.append(bucket)
        kept += self._sorted_into_buckets(active)
        self._buckets[place] = kept + resting
        return kept

    def _sorted_into_buckets(self, params: Iterable[Tensor]) -> Iterator[Bucket]:
        """Buckets of what can go together."""
        movables = movable(chain.from_iterable(g["params"] for g in self.param_groups))
        together: dict[Any, list[Tensor]] = {}
        for param in params:
            self._check_gradient(param)
            count = self._own_state[param].get("t", 0)
            alone = None if param in movables else id(param)
            key = param.dtype, param.device, count, alone
            together.setdefault(key, []).append(param)
        for lot in together.values():
            names = self.rule.signature.state
            yield Bucket(lot, [self._own_state[param] for param in lot], names)

    def _check_gradient(self, param: Tensor) -> None:
        if _gradient(param).layout is not torch.strided:
            raise TypeError(
                f"{self.rule.name} takes dense gradients, got a sparse one: make the"
                " layer with sparse=False"
            )

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients.

        Those that lie in a buffer become zeros and stay there, so that the next
        backward pass adds to them in place. With ``set_to_none`` a parameter that this
        pass does not reach counts as one without gradient all the same.
        """
        all_buckets = chain.from_iterable(self._buckets.values())
        buckets = [b for b in all_buckets if b.is_gathered() and b.is_in_place()]
        if set_to_none:
            kept = [param for bucket in buckets for param in bucket.params]
            super().zero_grad()
            for bucket in buckets:
                bucket.zero()
        else:
            # What counts as none goes on doing so.
            untouched = self._untouched()
            kept = [param for param, *_ in self._marks if id(param) in untouched]
            super().zero_grad(set_to_none=False)
        self._marks = _marked(kept)

    def _untouched(self) -> set[int]:
        """The ids of parameters whose gradients are zeros that ``zero_grad`` has kept.

        A gradient that has never changed is one of those. So is one that has changed
        less often than others and is still zero: clipping, say, scales them all, but
        the backward pass did not reach it.
        """
        changes = [
            (param, gradient, gradient._version - mark)
            for param, gradient, mark in self._marks
            if param.grad is gradient
        ]
        most = max((count for *_, count in changes), default=0)
        return {
            id(param)
            for param, gradient, count in changes
            if count == 0 or (count < most and not gradient.any())
        }

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with hyper-parameters of their own.

        Raises:
            TypeError: for a hyper-parameter that the step does not take, and for
                parameters that are complex, no floats, or sharded.
        """
        known = self.rule.signature.hyper
        hyper = {name: v for name, v in self.defaults.items() if name in known}
        hyper |= {name: v for name, v in param_group.items() if name not in GROUP_KEYS}
        self.rule.signature.fill(hyper, self.rule.name)
        super().add_param_group(param_group)
        try:
            for param in self.param_groups[-1]["params"]:
                self._check_parameter(param)
        except TypeError:
            self.param_groups.pop()
            raise

    def _check_parameter(self, param: Tensor) -> None:
        if any(getattr(param, mark, None) is not None for mark in SHARDED):
            raise TypeError(
                f"{self.rule.name} takes whole parameters, got a sharded one (FSDP,"
                " tensor parallel): DistributedDataParallel keeps them whole"
            )
        if param.dtype not in NAMES:
            raise TypeError(
                f"{self.rule.name} takes float64, float32, bfloat16 or float16"
                f" parameters, got {str(param.dtype).removeprefix('torch.')}"
            )

    # -- Saving and copying ------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """What ``load_state_dict`` goes on from, over the memory of the state itself.

        Tensors and dictionaries are others: to save a run shows nobody the state.
        """
        shown = self._shown or bool(
            self._optimizer_state_dict_pre_hooks
            or self._optimizer_state_dict_post_hooks
        )
        saved = super().state_dict()
        for key, kept in saved["state"].items():
            if isinstance(kept, dict):
                apart = {
                    name: own(value) if isinstance(value, Tensor) else value
                    for name, value in kept.items()
                }
                saved["state"][key] = apart
                shown |= any(
                    value is kept[name]
                    for name, value in apart.items()
                    if isinstance(value, Tensor)
                )
        self._shown = shown
        return saved

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from where an optimizer of the same step was saved.

        Raises:
            ValueError: where the state is another step's, or another model's.
        """
        self._check_saved(state_dict)
        marks = self._marks  # the gradients stay what they are
        super().load_state_dict(state_dict)
        self._marks = marks
        # PyTorch has cast it to the dtype of the parameters, too narrow for some.
        numbers = chain.from_iterable(g["params"] for g in state_dict["param_groups"])
        params = chain.from_iterable(g["params"] for g in self.param_groups)
        state = self._own_state.copy()
        for number, param in zip(numbers, params, strict=True):
            if number in state_dict["state"]:
                state[param] = {
                    name: value.to(param.device, wide(param.dtype), copy=True)
                    if isinstance(value, Tensor)
                    else value
                    for name, value in state_dict["state"][number].items()
                }
        self.state = state
        self._start()

    def _check_saved(self, state_dict: dict[str, Any]) -> None:
        """Refuse a state that this step can't go on from."""
        signature = self.rule.signature
        hyper = set(signature.hyper)
        groups = all(hyper <= set(group) for group in state_dict["param_groups"])
        names = {"t", *signature.state}
        states = all(
            names == set(kept) for kept in state_dict["state"].values() if kept
        )
        if not groups or not states:
            raise ValueError(
                f"this state is not {self.rule.name}'s: that keeps"
                f" {', '.join(signature.state) or 'nothing'} for each parameter, with"
                f" {', '.join(signature.hyper)} for each group"
            )

    def __getstate__(self) -> dict[str, Any]:
        untouched = self._untouched()
        resting = [param for param, *_ in self._marks if id(param) in untouched]
        return {**super().__getstate__(), "resting": resting}

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        resting = state.pop("resting", ())
        super().__setstate__(state)
        # Pickling leaves gradients behind, copying does not.
        self._marks = _marked(p for p in resting if p.grad is not None)
        self._start()
        self._shown = True  # to whoever has it, too

    def __reduce__(self) -> tuple[Any, ...]:
        # The class is made at run time; the step can be found by its name.
        return _blank, (self.rule.step,), self.__getstate__()


SHARDED = ("device_mesh", "_is_flat_param", "_fsdp_flattened")
"""What marks a parameter of which this process holds a part."""

NAMES = {torch.float64: "float64"} | dict.fromkeys(
    (torch.float32, torch.bfloat16, torch.float16), "float32"
)
"""What NumPy calls the dtype in which a step on such parameters computes."""

BOTH, NEITHER = frozenset({0, 1}), frozenset[int]()
"""Whether theta and grad have half the bits."""


@functools.cache
def optimizer(step: Callable[..., Any]) -> type[StepOptimizer]:
    """Make a ``torch.optim.Optimizer`` class from a step function, unchanged.

    The class is used as any of PyTorch's: ``Adam = optimizer(adam_step)``, and then
    ``opt = Adam(model.parameters(), lr=1e-3)``. ``Adam.explain()`` prints what the step
    becomes in PyTorch.

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
    space = {"rule": rule, "__doc__": step.__doc__, "__module__": step.__module__}
    return type(rule.name, (StepOptimizer,), space)


def _blank(step: Callable[..., Any]) -> StepOptimizer:
    """An optimizer that unpickling fills."""
    made = optimizer(step)
    return made.__new__(made)


@functools.cache
def _kernel(rule: Rule, recipe: Recipe, half: frozenset[int]) -> Kernel:
    """The kernel of a recipe, once the dtypes of its results have been looked at."""
    _, _, dtype = recipe.nodes[0]
    for place, node in recipe.results:
        rule.check_dtype(place, recipe.dtype(node), dtype)
    return kernel(rule.identifier, recipe, rule.arguments, half)


def _gradient(param: Tensor) -> Tensor:
    """The gradient of a parameter that has one."""
    assert param.grad is not None
    return param.grad


def _marked(params: Iterable[Tensor]) -> list[Mark]:
    """Marks of gradients that are zeros and count as none, until they change."""
    return [(p, g := _gradient(p), g._version) for p in params]


def _number(value: Any) -> Any:
    """A hyper-parameter as a Python number, which changes no array's dtype.

    Schedulers may make tensors or numbers of NumPy of them.
    """
    if type(value) is float:
        return value  # as most are: to ask for tensors takes longer
    return value.item() if isinstance(value, Tensor | np.generic) else value


def _apart(result: np.ndarray, place: int, arrays: Sequence[np.ndarray]) -> np.ndarray:
    """A result in memory of its own, unless that is the array that it replaces."""
    others = (array for other, array in enumerate(arrays) if other != place)
    shared = any(np.may_share_memory(result, array) for array in others)
    return result.copy() if shared else result
