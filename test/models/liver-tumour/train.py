"""Trains the demonstration network from nothing and writes weights, description and check vector. See README.md beside this file.

    nice -n 19 /usr/bin/python3 train.py --seed 1 --minutes 25 --out /tmp/liver-tumour.onnx
"""

import argparse
import hashlib
import json
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

import check
import phantom

HERE = Path(__file__).parent
LOW, HIGH, MIDDLE, SCALE = -150.0, 250.0, 50.0, 100.0


class Step(nn.Module):
    def __init__(self, a, b, stride=1):
        super().__init__()
        self.conv = nn.Conv3d(a, b, 3, stride=stride, padding=1)
        self.norm = nn.BatchNorm3d(b, momentum=0.05)

    def forward(self, x):
        return torch.relu(self.norm(self.conv(x)))


class TinyUNet(nn.Module):
    """Three levels, sums in place of concatenation, steps in place of pooling: operators that every backend has in 3D."""

    def __init__(self, a=8, b=16, c=28):
        super().__init__()
        self.in0, self.in1 = Step(1, a), Step(a, a)
        self.down1, self.mid1 = Step(a, b, 2), Step(b, b)
        self.down2, self.mid2 = Step(b, c, 2), Step(c, c)
        self.narrow1, self.up1 = nn.Conv3d(c, b, 1), Step(b, b)
        self.narrow0, self.up0 = nn.Conv3d(b, a, 1), Step(a, a)
        self.head = nn.Conv3d(a, 2, 1)
        self.wider = nn.Upsample(scale_factor=2, mode="nearest")

    def forward(self, x):
        x0 = self.in1(self.in0(x))
        x1 = self.mid1(self.down1(x0))
        x2 = self.mid2(self.down2(x1))
        y1 = self.up1(x1 + self.wider(self.narrow1(x2)))
        y0 = self.up0(x0 + self.wider(self.narrow0(y1)))
        return self.head(y0)


def batch(rng, count, n, oblique):
    drawn = [phantom.sample(rng, n, oblique) for _ in range(count)]
    x = np.stack([(np.clip(hu, LOW, HIGH) - MIDDLE) / SCALE for hu, _, _ in drawn])[:, None]
    y = np.stack([share for _, share, _ in drawn])
    w = np.stack([counts for _, _, counts in drawn]).astype(np.float32)
    return torch.from_numpy(x.astype(np.float32)), torch.from_numpy(y), torch.from_numpy(w)


def loss_of(logits, y, w, more):
    margin = logits[:, 1] - logits[:, 0]
    cross = nn.functional.binary_cross_entropy_with_logits(margin, y, reduction="none")
    p = torch.sigmoid(margin)
    overlap = 2 * (w * p * y).sum() + 1
    dice = 1 - overlap / ((w * p * p).sum() + (w * y * y).sum() + 1)
    return (w * cross * (1 + more * (y > 0))).mean() + 0.5 * dice, 1 - dice.item()


def train(model, rng, steps, seconds, size, count, rate, more, oblique=False):
    """Adam, the rate falling as a cosine. `more`: how much more voxels of tumours weigh; above 0 they are drawn too wide.

    The stage takes `seconds` at most: where the steps would take longer, the rate falls by the time instead, so that it ends low
    either way; and it says so, as the weights then depend on how fast the machine was.
    """
    optimiser = torch.optim.Adam(model.parameters(), lr=rate)
    started, shown = time.monotonic(), []
    model.train()
    for step in range(steps):
        passed = time.monotonic() - started
        if passed > seconds:
            print(f"ended by time after step {step} of {steps}: the same seed will not give the same weights", flush=True)
            break
        done = max(step / steps, passed / seconds)
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1, (step + 1) / 50) * (0.5 + 0.5 * np.cos(np.pi * done)) + rate / 200
        x, y, w = batch(rng, count, size, oblique)
        loss, dice = loss_of(model(x), y, w, more)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 2.0)
        optimiser.step()
        shown.append((loss.item(), dice))
        if (step + 1) % 50 == 0 or step + 1 == steps:
            recent = np.array(shown[-50:]).mean(0)
            print(f"step {step + 1} of {steps}, {passed:.0f} s: loss {recent[0]:.4f}, Dice {recent[1]:.3f}", flush=True)


def fused(model):
    """Batch normalisation folded into the convolutions before it."""
    model.eval()
    for module in model.modules():
        if isinstance(module, Step):
            module.conv = fuse_conv_bn_eval(module.conv, module.norm)
            module.norm = nn.Identity()
    return model


def describe(out):
    """The description beside the weights: of these weights, without the errors that were measured of others."""
    description = json.loads((HERE / "liver-tumour.json").read_text())
    sha256 = hashlib.sha256(out.read_bytes()).hexdigest()
    if description.get("sha256") != sha256:
        description.pop("errors", None)
    description["sha256"] = sha256
    out.with_suffix(".json").write_text(json.dumps(description, indent=2, ensure_ascii=False) + "\n")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--steps", type=int, nargs=3, default=[1700, 800, 300])
    arguments.add_argument("--size", type=int, default=32)
    arguments.add_argument("--batch", type=int, default=4)
    arguments.add_argument("--out", default=str(HERE / "liver-tumour.onnx"))
    arguments.add_argument("--threads", type=int, default=1)
    arguments.add_argument("--minutes", type=float, default=25, help="of wall time, for all stages together")
    given = arguments.parse_args()
    seconds = [60 * given.minutes * steps / sum(given.steps) for steps in given.steps]
    torch.set_num_threads(given.threads)
    torch.manual_seed(given.seed)
    model = TinyUNet()
    print("parameters", sum(p.numel() for p in model.parameters()))
    # First with tumours weighed up, so that they are found at all; then without, so that they are as large as they are.
    train(model, np.random.default_rng(given.seed), given.steps[0], seconds[0], given.size, given.batch, 4e-3, 3)
    model = fused(model)
    train(model, np.random.default_rng(given.seed + 1), given.steps[1], seconds[1], given.size, given.batch, 1e-3, 0)
    # Last with edges of the picture that are oblique, as an oblique volume has them in patient axes.
    train(model, np.random.default_rng(given.seed + 2), given.steps[2], seconds[2], given.size, given.batch, 5e-4, 0, True)
    model = nn.Sequential(model.eval(), nn.Softmax(dim=1))
    print("parameters kept", sum(p.numel() for p in model.parameters()))
    torch.onnx.export(
        model, torch.zeros(1, 1, 48, 48, 48), given.out, opset_version=13, input_names=["image"], output_names=["probability"]
    )
    out = Path(given.out).resolve()
    describe(out)
    print("written", out, out.stat().st_size)
    check.write_check(out)


if __name__ == "__main__":
    main()
