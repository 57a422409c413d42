"""Programs that train models with an optimizer of ours as with PyTorch's.

They need packages that the course does not: ``make check-clients`` puts those into an
environment of their own.
"""

import pytest
import torch
from torch import nn

from descentlab.scale import optimizer
from solutions.stability import adamw_step

pytestmark = pytest.mark.slow

WHY = "{} is not installed here: make check-clients"
MAKERS = {
    "ours": lambda params: optimizer(adamw_step)(params, lr=1e-2),
    "PyTorch's": lambda params: torch.optim.AdamW(params, lr=1e-2),
}


def client(name):
    return pytest.importorskip(name, reason=WHY.format(name))


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 3))


def batches(count=12):
    generator = torch.Generator().manual_seed(1)
    points = torch.randn(count * 4, 8, generator=generator)
    return torch.utils.data.TensorDataset(points, (points[:, 0] > 0).long())


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def assert_alike(trained):
    ours, theirs = trained
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("precision", ["no", "bf16"])
def test_accelerate(precision, tmp_path):
    """Accumulation, clipping, a scheduler, and a run that is resumed half-way."""
    accelerate = client("accelerate")
    trained = []
    for name, make in MAKERS.items():
        accelerate.state.AcceleratorState._reset_state(True)
        runner = accelerate.Accelerator(
            cpu=True, mixed_precision=precision, gradient_accumulation_steps=2
        )
        loader = torch.utils.data.DataLoader(batches(), batch_size=4)
        model, opt = network(), None
        opt = make(model.parameters())
        rates = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 12)
        model, opt, loader, rates = runner.prepare(model, opt, loader, rates)
        folder = str(tmp_path / name)
        for part in range(2):
            if part:
                with torch.no_grad():
                    for param in model.parameters():
                        param.zero_()
                runner.load_state(folder)
            for points, labels in loader:
                with runner.accumulate(model):
                    loss = nn.functional.cross_entropy(model(points), labels)
                    runner.backward(loss)
                    if runner.sync_gradients:
                        runner.clip_grad_norm_(model.parameters(), 0.5)
                    opt.step()
                    rates.step()
                    opt.zero_grad()
            if not part:
                runner.save_state(folder)
        trained.append(weights(model))
    assert_alike(trained)


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_lightning(precision, tmp_path):
    lightning = client("lightning")

    class Module(lightning.LightningModule):
        def __init__(self, make):
            super().__init__()
            self.net, self.make = network(), make

        def training_step(self, batch, index):
            return nn.functional.cross_entropy(self.net(batch[0]), batch[1])

        def configure_optimizers(self):
            opt = self.make(self.net.parameters())
            rates = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 4)
            return [opt], [rates]

    trained = []
    for name, make in MAKERS.items():
        settings = {
            "accelerator": "cpu",
            "precision": precision,
            "accumulate_grad_batches": 2,
            "gradient_clip_val": 0.5,
            "logger": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "default_root_dir": tmp_path / name,
        }
        module = Module(make)
        first = lightning.Trainer(max_epochs=1, **settings)
        first.fit(module, torch.utils.data.DataLoader(batches(), batch_size=4))
        saved = tmp_path / name / "saved.ckpt"
        first.save_checkpoint(saved)
        module = Module(make)
        second = lightning.Trainer(max_epochs=2, **settings)
        loader = torch.utils.data.DataLoader(batches(), batch_size=4)
        second.fit(module, loader, ckpt_path=saved, weights_only=False)
        trained.append(weights(module))
    assert_alike(trained)


def test_transformers(tmp_path):
    transformers = client("transformers")
    client("accelerate")
    tokens = torch.randint(50, (24, 10), generator=torch.Generator().manual_seed(0))
    data = [{"input_ids": row, "labels": row} for row in tokens]
    trained = []
    for name, make in MAKERS.items():
        torch.manual_seed(0)
        config = transformers.GPT2Config(
            vocab_size=50, n_positions=16, n_embd=16, n_layer=2, n_head=2
        )
        model = transformers.GPT2LMHeadModel(config)
        settings = transformers.TrainingArguments(
            output_dir=str(tmp_path / name),
            per_device_train_batch_size=4,
            gradient_accumulation_steps=2,
            max_grad_norm=0.5,
            max_steps=6,
            save_steps=3,
            report_to=[],
            use_cpu=True,
            disable_tqdm=True,
            seed=0,
        )
        opt = make(model.parameters())
        rates = torch.optim.lr_scheduler.LambdaLR(opt, lambda t: 0.9**t)
        trainer = transformers.Trainer(
            model, settings, train_dataset=data, optimizers=(opt, rates)
        )
        trainer.train()
        wanted = weights(model)
        trainer.train(resume_from_checkpoint=str(tmp_path / name / "checkpoint-3"))
        torch.testing.assert_close(weights(model), wanted, rtol=1e-4, atol=1e-5)
        trained.append(weights(model))
    assert_alike(trained)
