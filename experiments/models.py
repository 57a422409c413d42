"""The PyTorch models that experiments train, on the course's own data.

Each is small enough that a run takes seconds on one core, and real enough to
generalise, overfit, explode or need a schedule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from descentlab import problems

Batch = tuple[Tensor, Tensor]  # inputs, targets
Schedule = Callable[[int], float]
"""The factor on the learning rate, by the number of steps done."""


@dataclass
class Task:
    """A model, and the data that it is trained and judged on.

    Attributes:
        model: what is trained; its outputs are logits, the last axis being the classes.
        train: inputs and targets to draw from.
        held_out: inputs and targets that training never sees.
    """

    model: nn.Module
    train: Batch
    held_out: Batch

    def batch(self, rng: np.random.Generator, size: int) -> Batch:
        """Examples drawn at random, with replacement."""
        drawn = torch.as_tensor(rng.integers(len(self.train[0]), size=size))
        return self.train[0][drawn], self.train[1][drawn]

    def loss(self, batch: Batch) -> Tensor:
        """Mean cross-entropy in nats."""
        logits = self.model(batch[0])
        return functional.cross_entropy(logits.flatten(0, -2), batch[1].flatten())

    @torch.no_grad()
    def evaluate(self, batch: Batch | None = None) -> dict[str, float]:
        """Loss in nats and accuracy, by default on what training never sees."""
        inputs, targets = batch or self.held_out
        self.model.eval()
        logits = torch.cat([self.model(part) for part in inputs.split(256)])
        self.model.train()
        loss = functional.cross_entropy(logits.flatten(0, -2), targets.flatten())
        right = (logits.argmax(-1) == targets).float().mean()
        return {"loss": float(loss), "accuracy": float(right)}


def digits(seed: int, hidden: int = 32, examples: int = 1437) -> Task:
    """A network with one hidden layer on the 8 x 8 digits; a fifth is held out.

    Args:
        examples: how many training images it gets; few of them overfit.
    """
    torch.manual_seed(seed)
    images, labels = problems.digits()
    order = np.random.default_rng(0).permutation(len(labels))
    pixels = torch.as_tensor(images.reshape(-1, 64)[order])
    targets = torch.as_tensor(labels[order])
    model = nn.Sequential(nn.Linear(64, hidden), nn.Tanh(), nn.Linear(hidden, 10))
    kept = slice(360, 360 + examples)
    return Task(model, (pixels[kept], targets[kept]), (pixels[:360], targets[:360]))


def signals(seed: int, channels: int = 24) -> Task:
    """A convolutional network on MNIST-1D: three layers, some 6 000 parameters."""
    torch.manual_seed(seed)
    x, labels = problems.mnist1d()
    inputs, targets = torch.as_tensor(x), torch.as_tensor(labels)
    model = nn.Sequential(
        nn.Unflatten(1, (1, 40)),
        nn.Conv1d(1, channels, 5, stride=2, padding=2),
        nn.ReLU(),
        nn.Conv1d(channels, channels, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv1d(channels, channels, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(channels * 5, 10),
    )
    train, held_out = slice(0, 4000), slice(4000, None)
    return Task(
        model, (inputs[train], targets[train]), (inputs[held_out], targets[held_out])
    )


class ResidualMLP(nn.Module):
    """Blocks ``x + W_2 relu(W_1 norm(x))`` between two linear maps."""

    def __init__(self, width: int = 64, depth: int = 4) -> None:
        super().__init__()
        self.first = nn.Linear(40, width)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.LayerNorm(width),
                nn.Linear(width, width),
                nn.ReLU(),
                nn.Linear(width, width),
            )
            for _ in range(depth)
        )
        self.last = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(batch, 10)`` of signals ``(batch, 40)``."""
        x = self.first(x)
        for block in self.blocks:
            x = x + block(x)
        logits: Tensor = self.last(x)
        return logits


def residual(seed: int, width: int = 64, depth: int = 4) -> Task:
    """A residual network of fully connected layers on MNIST-1D."""
    task = signals(seed)
    torch.manual_seed(seed)
    task.model = ResidualMLP(width, depth)
    return task


class CharLSTM(nn.Module):
    """An LSTM that guesses the next character."""

    def __init__(self, kinds: int, hidden: int = 64) -> None:
        super().__init__()
        self.embedding = nn.Embedding(kinds, 32)
        self.lstm = nn.LSTM(32, hidden, batch_first=True)
        self.head = nn.Linear(hidden, kinds)

    def forward(self, codes: Tensor) -> Tensor:
        """Logits ``(batch, length, kinds)`` of codes ``(batch, length)``."""
        logits: Tensor = self.head(self.lstm(self.embedding(codes))[0])
        return logits


class CharTransformer(nn.Module):
    """A causal transformer of two layers that guesses the next character.

    Args:
        norm_first: layer norm before each part, as in GPT-2, or after it, as in the
            first transformer, which is known to need warmup.
    """

    def __init__(
        self,
        kinds: int,
        width: int = 48,
        layers: int = 2,
        context: int = 32,
        norm_first: bool = True,
    ) -> None:
        super().__init__()
        self.tokens = nn.Embedding(kinds, width)
        self.places = nn.Parameter(0.02 * torch.randn(context, width))
        layer = nn.TransformerEncoderLayer(
            width,
            nhead=4,
            dim_feedforward=4 * width,
            dropout=0.0,
            batch_first=True,
            norm_first=norm_first,
        )
        self.layers = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        mask = nn.Transformer.generate_square_subsequent_mask(context)
        self.register_buffer("mask", mask)
        self.norm = nn.LayerNorm(width) if norm_first else nn.Identity()
        self.head = nn.Linear(width, kinds)

    def forward(self, codes: Tensor) -> Tensor:
        """Logits ``(batch, length, kinds)`` of codes ``(batch, length)``."""
        x = self.tokens(codes) + self.places
        x = self.layers(x, mask=self.mask, is_causal=True)
        logits: Tensor = self.head(self.norm(x))
        return logits


@dataclass
class TextTask(Task):
    """A character model: windows of the text from random places, the end held out."""

    length: int = 32

    def batch(self, rng: np.random.Generator, size: int) -> Batch:
        """Windows from random places of the training text."""
        codes = self.train[0]
        starts = rng.integers(len(codes) - self.length, size=size)
        return windows(codes, starts, self.length)


def windows(codes: Tensor, starts: np.ndarray, length: int) -> Batch:
    """Inputs and targets, each ``(len(starts), length)``: a target is what follows."""
    places = torch.as_tensor(starts[:, None] + np.arange(length + 1))
    cut = codes[places]
    return cut[:, :-1], cut[:, 1:]


def text(seed: int, kind: str = "lstm", length: int = 32, **shape: Any) -> TextTask:
    """A character model on the course's text; its last tenth is held out.

    Args:
        kind: ``"lstm"`` or ``"transformer"``.
        shape: passed on to the model.
    """
    torch.manual_seed(seed)
    written = problems.course_text()
    vocabulary = {char: i for i, char in enumerate(sorted(set(written)))}
    codes = torch.as_tensor([vocabulary[char] for char in written])
    model: nn.Module
    if kind == "transformer":
        model = CharTransformer(len(vocabulary), context=length, **shape)
    else:
        model = CharLSTM(len(vocabulary), **shape)
    train, rest = codes[: -len(codes) // 10], codes[-len(codes) // 10 :]
    starts = np.linspace(0, len(rest) - length - 1, 256).astype(int)
    return TextTask(model, (train, train), windows(rest, starts, length), length)


def optimizer(
    kind: str, params: Iterable[nn.Parameter], settings: Mapping[str, Any]
) -> torch.optim.Optimizer:
    """PyTorch's own form of an optimizer of the course, fused where there is one.

    Args:
        kind: ``"sgd"``, ``"momentum"``, ``"rmsprop"``, ``"adam"`` or ``"adamw"``.
        settings: ``lr``, and other hyper-parameters by PyTorch's names.
    """
    others = {k: v for k, v in settings.items() if k in HYPER}
    match kind:
        case "sgd":
            return torch.optim.SGD(params, fused=True, **others)
        case "momentum":
            return torch.optim.SGD(params, fused=True, **{"momentum": 0.9} | others)
        case "rmsprop":
            return torch.optim.RMSprop(params, **{"alpha": 0.9} | others)
        case "adam":
            return torch.optim.Adam(params, fused=True, **others)
        case "adamw":
            return torch.optim.AdamW(params, fused=True, **others)
    raise ValueError(f"no optimizer {kind!r}")


HYPER = ("lr", "momentum", "alpha", "betas", "eps", "weight_decay")


def train(
    task: Task,
    made: torch.optim.Optimizer,
    seed: int,
    steps: int,
    batch_size: int = 64,
    schedule: Schedule | None = None,
    max_norm: float | None = None,
    every: int = 0,
) -> dict[str, list[float]]:
    """Train a task's model, and measure on the way.

    Args:
        seed: of the batches.
        schedule: the factor on the learning rate at each step, by default 1.
        max_norm: to clip the gradient's global norm to.
        every: measure on the held-out data after so many steps, and at the end; with 0
            at the end alone.

    Returns:
        ``step``, held-out ``loss`` and ``accuracy``, and ``train``, the mean training
        loss since the last measurement: one entry a measurement. A run whose loss is
        not finite stops, and the rest of its entries are nan.

    Raises:
        ValueError: ``steps`` is no multiple of ``every``.
    """
    every = every or steps
    if steps % every:
        raise ValueError(f"steps={steps} is no multiple of every={every}")
    rng = np.random.default_rng(seed)
    scheduler = torch.optim.lr_scheduler.LambdaLR(made, schedule or (lambda _: 1.0))
    marks = list(range(every, steps + 1, every))
    rows = np.full((len(marks), len(MEASURED)), np.nan)
    losses: list[float] = []
    for step in range(1, steps + 1):
        made.zero_grad()
        loss = task.loss(task.batch(rng, batch_size))
        losses.append(float(loss.detach()))
        if not np.isfinite(losses[-1]):
            break
        loss.backward()
        if max_norm is not None:
            nn.utils.clip_grad_norm_(task.model.parameters(), max_norm)
        made.step()
        scheduler.step()
        if step % every == 0:
            found = task.evaluate()
            rows[step // every - 1] = found["loss"], found["accuracy"], np.mean(losses)
            losses = []
    columns = zip(MEASURED, rows.T.tolist(), strict=True)
    return {"step": [float(mark) for mark in marks], **dict(columns)}


MEASURED = ("loss", "accuracy", "train")
