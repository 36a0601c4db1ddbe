"""The libraries people train with, as they are."""

from __future__ import annotations

import importlib.util
import logging

import numpy as np
import pytest
from conftest import Store

import llm_research_lab as lab


def test_records_of_logging_become_the_log(store: Store) -> None:
    from llm_research_lab.integrations.logging import LabHandler

    logger = logging.getLogger("test_records")
    logger.addHandler(LabHandler())
    logger.setLevel(logging.DEBUG)
    logger.warning("nobody hears this")
    with lab.init("logging", console=False):
        logger.warning("careful %s", "now")
        try:
            raise ValueError("no luck")
        except ValueError:
            logger.exception("it failed")
    logs = store.run()["logs"]
    assert logs["warnings"] == 1
    assert logs["errors"] >= 2


def test_every_trial_of_a_study_is_a_run(store: Store) -> None:
    import optuna

    from llm_research_lab.integrations.optuna import LabCallback

    optuna.logging.set_verbosity(optuna.logging.ERROR)

    def objective(trial: optuna.Trial) -> float:
        x = trial.suggest_float("x", -1, 1)
        trial.report(x, 0)
        if trial.number == 1:
            raise optuna.TrialPruned
        if trial.number == 2:
            raise ValueError("no luck")
        return x * x

    study = optuna.create_study(study_name="sweep")
    with lab.init("driver") as driver:
        study.optimize(objective, n_trials=4, callbacks=[LabCallback()], catch=[ValueError])
        assert lab.run is driver
    trials = lab.runs("sweep", sort="number")
    assert [run.status for run in trials] == ["completed", "cancelled", "failed", "completed"]
    assert trials[3].summary["value"]["last"] == pytest.approx(trials[3].config["x"] ** 2)
    assert trials[3].tags["study"] == "sweep"


def test_a_summary_writer_needs_another_import_only(store: Store) -> None:
    from llm_research_lab.integrations.tensorboard import SummaryWriter

    with SummaryWriter("runs/first", experiment="board", flush_secs=5) as writer:
        for step in range(3):
            writer.add_scalar("loss", np.float32(1 / (step + 1)), step)
        writer.add_scalars("acc", {"train": 0.5, "val": 0.4}, 2)
        writer.add_histogram("weights", np.arange(10.0), 2)
        writer.add_image("sample", np.zeros((3, 2, 2), dtype=np.uint8), 2)
        writer.add_text("note", "hello", 2)
        writer.add_hparams({"lr": 0.1}, {"hparam/loss": 0.3})
        writer.flush()
    (run,) = lab.runs("board")
    assert (run.name, run.status, run.config) == ("first", "completed", {"lr": 0.1})
    assert set(run.summary) == {"loss", "acc/train", "acc/val", "hparam/loss"}
    assert {value["name"] for value in run.values()} == {"weights", "sample", "note"}


needs = {name: importlib.util.find_spec(name) is not None for name in ("torch", "transformers", "lightning", "keras")}


@pytest.mark.skipif(not needs["transformers"] or not needs["torch"], reason="needs torch and transformers")
def test_a_trainer_of_transformers_is_logged(store: Store) -> None:
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments

    from llm_research_lab.integrations.transformers import LabCallback

    model = GPT2LMHeadModel(GPT2Config(vocab_size=32, n_positions=8, n_embd=8, n_layer=1, n_head=1))
    rows = [{"input_ids": torch.arange(8), "labels": torch.arange(8)} for _ in range(8)]
    arguments = TrainingArguments(
        output_dir="out", max_steps=4, logging_steps=1, save_steps=4, report_to="none", use_cpu=True
    )
    callback = LabCallback("finetune", log_checkpoints=True)
    trainer = Trainer(model=model, args=arguments, train_dataset=rows, eval_dataset=rows, callbacks=[callback])
    trainer.train()
    trainer.evaluate()
    lab.finish()
    (run,) = lab.runs("finetune")
    assert run.summary["train/loss"]["count"] == 4
    assert "eval/loss" in run.summary
    assert run.config["training"]["max_steps"] == 4
    assert run.config["model"]["n_layer"] == 1
    assert any(artifact["name"].startswith("checkpoint-4/") for artifact in run.artifacts())


@pytest.mark.skipif(not needs["lightning"], reason="needs lightning")
def test_a_trainer_of_lightning_is_logged(store: Store) -> None:
    import torch
    from lightning.pytorch import LightningModule, Trainer

    from llm_research_lab.integrations.lightning import LabLogger

    class Model(LightningModule):
        def __init__(self, width: int = 2) -> None:
            super().__init__()
            self.save_hyperparameters()
            self.layer = torch.nn.Linear(width, 1)

        def training_step(self, batch: torch.Tensor, _: int) -> torch.Tensor:
            loss = self.layer(batch).square().mean()
            self.log("loss", loss)
            return loss

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), lr=0.1)

    data = torch.utils.data.DataLoader(torch.randn(16, 2), batch_size=4)
    trainer = Trainer(
        max_epochs=2,
        log_every_n_steps=1,
        logger=LabLogger("lightning"),
        enable_checkpointing=False,
        enable_progress_bar=False,
        accelerator="cpu",
    )
    trainer.fit(Model(), data)
    (run,) = lab.runs("lightning")
    assert (run.status, run.config["width"]) == ("completed", 2)
    assert run.summary["loss"]["count"] == 8


@pytest.mark.skipif(not needs["keras"], reason="needs keras")
def test_a_fit_of_keras_is_logged(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    import keras

    from llm_research_lab.integrations.keras import LabCallback

    model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1)])
    model.compile(optimizer="sgd", loss="mse")
    callback = LabCallback(experiment="keras", log_every_batches=2)
    model.fit(np.zeros((8, 2)), np.zeros(8), epochs=3, batch_size=2, callbacks=[callback], verbose=0)
    (run,) = lab.runs("keras")
    assert run.status == "completed"
    assert run.summary["epoch/loss"]["count"] == 3
    assert run.summary["batch/loss"]["count"] == 6
    assert run.config["optimizer"]["name"].lower() == "sgd"
