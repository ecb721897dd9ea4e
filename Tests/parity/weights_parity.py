# SPDX-License-Identifier: MIT
"""Compares the readers and writers of BeastWeights with PyTorch, NumPy and safetensors.

    python weights_parity.py make FOLDER     checkpoints in many spellings, and the values they hold
    BEASTS_PARITY=FOLDER swift test --filter ParityTests
    python weights_parity.py check FOLDER    what the tests wrote there, read by the reference implementations

Needs torch, numpy and safetensors.
"""
import pathlib
import sys

import numpy
import safetensors.numpy
import safetensors.torch
import torch


def tensors():
    generator = torch.Generator().manual_seed(3)
    base = torch.randn((6, 5, 4), generator=generator)
    shared = torch.randn((100,), generator=generator)
    result = {
        "dense": base.clone(),
        "transposed": base.permute(2, 0, 1),
        "sliced": base[1:5:2, ::2, 1:],
        "expanded": base[:1, :, :1].expand(3, 5, 2),
        "scalar": torch.tensor(1.25),
        "empty": torch.zeros((0, 3)),
        "channels_last": torch.randn((2, 3, 4, 5), generator=generator).contiguous(memory_format=torch.channels_last),
        "shared.head": shared[:40].view(8, 5),
        "shared.tail": shared[40:].view(5, 12).t(),
        "parameter": torch.nn.Parameter(torch.randn((3, 2), generator=generator)),
        "buffer": torch.nn.Buffer(torch.randn((3,), generator=generator)),
    }
    for dtype in (torch.float64, torch.float16, torch.bfloat16):
        name = str(dtype).removeprefix("torch.")
        result[name] = torch.randn((7, 3), generator=generator).to(dtype)
        result[name + ".transposed"] = torch.randn((3, 7), generator=generator).to(dtype).t()
    return result


def make(folder):
    folder.mkdir(parents=True, exist_ok=True)
    values = tensors()
    for name, tensor in values.items():
        # numpy.save spells a transposed array in Fortran order.
        array = tensor.detach().to(torch.float32).contiguous().numpy()
        numpy.save(folder / f"expected.{name}.npy", numpy.ascontiguousarray(array).reshape(array.shape))
    others = {"counter": torch.arange(3), "mask": torch.tensor([True, False]), "steps": 3, "name": "x"}
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(4))], lr=numpy.float64(0.1))
    checkpoint = {"model": {**values, **others}, "optimizer": optimizer.state_dict(), "epoch": 3}
    for protocol in (2, 3, 4, 5):
        torch.save(checkpoint, folder / f"zip{protocol}.pth", pickle_protocol=protocol)
        torch.save(
            checkpoint, folder / f"legacy{protocol}.pth", pickle_protocol=protocol, _use_new_zipfile_serialization=False)
    torch.serialization.set_crc32_options(False)
    torch.save(checkpoint, folder / "unchecked.pth")
    torch.serialization.set_crc32_options(True)
    torch.save(values, folder / "bare.pth")
    safetensors.torch.save_file(
        {name: tensor.detach().clone(memory_format=torch.contiguous_format) for name, tensor in values.items()},
        folder / "reference.safetensors", metadata={"format": "pt"})


def check(folder):
    expected = {name: tensor.detach() for name, tensor in tensors().items()}
    written = safetensors.torch.load_file(folder / "written.safetensors")
    assert written.keys() == expected.keys(), written.keys() ^ expected.keys()
    for name, tensor in written.items():
        wanted = expected[name]
        wanted = wanted.to(torch.float32) if wanted.dtype == torch.float64 else wanted
        assert tensor.dtype == wanted.dtype and tensor.shape == wanted.shape, name
        assert torch.equal(tensor, wanted), name
    rows = safetensors.numpy.load_file(folder / "rows.safetensors")["rows"]
    streamed = numpy.load(folder / "rows.npy")
    wanted = numpy.arange(1234 * 5, dtype=numpy.float32).reshape(1234, 5)
    assert numpy.array_equal(rows, wanted) and numpy.array_equal(streamed, wanted)
    count = 0
    for path in sorted(folder.glob("written.*.npy")):
        assert numpy.array_equal(numpy.load(path), numpy.load(folder / path.name.replace("written", "expected"))), path
        count += 1
    print(f"{len(written)} safetensors tensors, {count} npy files and both streamed files agree")


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in ("make", "check"):
        sys.exit(__doc__)
    {"make": make, "check": check}[sys.argv[1]](pathlib.Path(sys.argv[2]))
