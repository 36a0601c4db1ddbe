"""A character-level language model, small enough to train in seconds on one core.

An embedding of the last few characters, one hidden layer and a softmax over the next character: Bengio et al. (2003),
"A Neural Probabilistic Language Model", with numpy and nothing else.
"""

from __future__ import annotations

import argparse
import pydoc_data.topics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import llm_research_lab as lab

FloatArray = np.ndarray[tuple[int, ...], np.dtype[np.float32]]
IntArray = np.ndarray[tuple[int, ...], np.dtype[np.int64]]


@dataclass(frozen=True)
class Config:
    """What a run is made with."""

    hidden: int = 64
    context: int = 8
    embedding: int = 12
    batch: int = 128
    steps: int = 400
    lr: float = 0.3
    seed: int = 0


def corpus() -> tuple[IntArray, str]:
    """The language reference that Python carries with it, as numbers, and its alphabet."""
    text = "\n".join(pydoc_data.topics.topics[name] for name in sorted(pydoc_data.topics.topics))[:400_000]
    alphabet = "".join(sorted(set(text)))
    index = {char: i for i, char in enumerate(alphabet)}
    return np.array([index[char] for char in text], dtype=np.int64), alphabet


class Model:
    """Weights, and how to use and improve them."""

    def __init__(self, config: Config, vocabulary: int) -> None:
        rng = np.random.default_rng(config.seed)
        inputs = config.context * config.embedding

        def normal(*shape: int, scale: float) -> FloatArray:
            return (rng.standard_normal(shape) * scale).astype(np.float32)

        self.weights = {
            "embedding": normal(vocabulary, config.embedding, scale=0.1),
            "hidden": normal(inputs, config.hidden, scale=inputs**-0.5),
            "hidden_bias": np.zeros(config.hidden, np.float32),
            "output": normal(config.hidden, vocabulary, scale=config.hidden**-0.5),
            "output_bias": np.zeros(vocabulary, np.float32),
        }

    def loss_and_gradients(self, x: IntArray, y: IntArray) -> tuple[float, dict[str, FloatArray]]:
        """Mean cross-entropy in nats per character, and its gradients by weight."""
        w = self.weights
        inputs = w["embedding"][x].reshape(len(x), -1)
        hidden = np.tanh(inputs @ w["hidden"] + w["hidden_bias"])
        logits = hidden @ w["output"] + w["output_bias"]
        logits -= logits.max(axis=1, keepdims=True)
        exp = np.exp(logits)
        probabilities = exp / exp.sum(axis=1, keepdims=True)
        rows = np.arange(len(y))
        loss = float(-np.log(probabilities[rows, y] + 1e-12).mean())

        d_logits = probabilities
        d_logits[rows, y] -= 1
        d_logits /= len(y)
        d_hidden = (d_logits @ w["output"].T) * (1 - hidden**2)
        d_inputs = (d_hidden @ w["hidden"].T).reshape(*x.shape, -1)
        d_embedding = np.zeros_like(w["embedding"])
        np.add.at(d_embedding, x, d_inputs)
        return loss, {
            "embedding": d_embedding,
            "hidden": inputs.T @ d_hidden,
            "hidden_bias": d_hidden.sum(axis=0),
            "output": hidden.T @ d_logits,
            "output_bias": d_logits.sum(axis=0),
        }

    def descend(self, gradients: dict[str, FloatArray], lr: float) -> float:
        """One step of plain gradient descent; the norm of the gradient."""
        for name, gradient in gradients.items():
            self.weights[name] -= np.float32(lr) * gradient
        return float(np.sqrt(sum(float((g**2).sum()) for g in gradients.values())))


def windows(data: IntArray, config: Config, rng: np.random.Generator, size: int) -> tuple[IntArray, IntArray]:
    """Random places of the text: the characters before each, and the one that follows."""
    starts = rng.integers(0, len(data) - config.context, size)
    x = data[starts[:, None] + np.arange(config.context)]
    return x, data[starts + config.context]


def train(model: Model, data: IntArray, config: Config) -> Iterator[tuple[int, dict[str, float]]]:
    """Trains, and yields what there is to log after each step."""
    split = int(len(data) * 0.9)
    rng = np.random.default_rng(config.seed)
    held_out = windows(data[split:], config, np.random.default_rng(0), 2_000)
    for step in range(config.steps + 1):
        loss, gradients = model.loss_and_gradients(*windows(data[:split], config, rng, config.batch))
        lr = config.lr * (1 - 0.9 * step / config.steps)
        values = {"train/loss": loss, "train/lr": lr, "train/grad_norm": model.descend(gradients, lr)}
        if step % 20 == 0:
            values["val/loss"] = model.loss_and_gradients(*held_out)[0]
        yield step, values


def main() -> None:
    """Trains one model and logs it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--experiment", default="tiny-lm")
    for name, default in vars(Config()).items():
        parser.add_argument(f"--{name}", type=type(default), default=default)
    arguments = vars(parser.parse_args())
    experiment = arguments.pop("experiment")
    config = Config(**arguments)
    data, alphabet = corpus()
    model = Model(config, len(alphabet))

    with lab.init(experiment=experiment, config=vars(config), tags=["demo"]) as run:
        for step, values in train(model, data, config):
            run.log(values, step=step)
        with TemporaryDirectory() as folder:
            path = Path(folder) / "model.npz"
            np.savez(path, allow_pickle=False, **model.weights)
            run.log_artifact(path, type="model")


if __name__ == "__main__":
    main()
