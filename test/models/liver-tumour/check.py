"""What torch makes of the weights in liver-tumour.onnx, for one patch: written to liver-tumour.check.json.

    /usr/bin/python3 check.py        # needs python3-torch and python3-onnx

A test asks onnxruntime the same (packages/core/src/analysis/onnx.test.ts): another runtime must give the same numbers.
"""

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

EDGE = 48
# The row of voxels whose probability is kept: along i through the middle of the ball, out into where there is no image.
ROW = {"k": 23, "j": 22}


def check_patch():
    """Liver with a slow wave, a darker ball of 5 voxels in its middle, nothing beyond one side: normalised values, axes k, j, i."""
    k, j, i = np.meshgrid(*[np.arange(EDGE, dtype=np.float64)] * 3, indexing="ij")
    value = 0.55 + 0.05 * np.sin(0.7 * i + 0.3 * j + 0.5 * k)
    value[(i - 24) ** 2 + (j - 22) ** 2 + (k - 23) ** 2 <= 25] -= 0.45
    value[i >= 44] = -2
    return value.astype(np.float32)


def loaded(path):
    """The network with the weights of an ONNX file, batch normalisation folded in as train.py exports it."""
    from train import Step, TinyUNet

    model = TinyUNet()
    for module in model.modules():
        if isinstance(module, Step):
            module.norm = nn.Identity()
    stored = {w.name: torch.from_numpy(numpy_helper.to_array(w).copy()) for w in onnx.load(str(path)).graph.initializer}
    model.load_state_dict({name: stored[f"0.{name}"] for name in model.state_dict()})
    return nn.Sequential(model.eval(), nn.Softmax(dim=1))


def write_check(path):
    """Asks torch about the patch and writes what it says beside the weights."""
    torch.set_num_threads(1)
    with torch.no_grad():
        answer = loaded(path)(torch.from_numpy(check_patch())[None, None])
    tumour = answer[0, 1].numpy()
    out = {
        "sha256": hashlib.sha256(Path(path).read_bytes()).hexdigest(),
        "torch": torch.__version__,
        "row": ROW,
        "sum": float(tumour.astype(np.float64).sum()),
        "probability": " ".join(f"{p:.6g}" for p in tumour[ROW["k"], ROW["j"]]),
    }
    beside = Path(path).with_suffix(".check.json")
    beside.write_text(json.dumps(out, indent=2) + "\n")
    print("written", beside, "sum", out["sum"], "greatest in the row", float(tumour[ROW["k"], ROW["j"]].max()))


if __name__ == "__main__":
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--weights", default=str(Path(__file__).parent / "liver-tumour.onnx"))
    write_check(arguments.parse_args().weights)
