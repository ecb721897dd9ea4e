# SPDX-License-Identifier: MIT
"""Compares the embeddings of full-size models with PyTorch, on photographs and with checkpoints laid out as published.

    python full_size_parity.py --beasts .build/release/beasts --folder SCRATCH PHOTO [PHOTO ...]

For each model, random weights are drawn (the default initialisation of timm or torchvision, with biases, norms and running
statistics perturbed), saved as a whole training checkpoint (up to 5 GB, removed again), and read by `beasts embed`. The
other side is timm's VisionTransformer or torchvision's ResNeXt, in float64 and float32, with Pillow's and torchvision's
preprocessing. Ends with 1 if a relative error exceeds the bound.

Needs torch, torchvision, timm, numpy and Pillow, and a few GB of memory and disk. Not part of the test suite.
"""
import argparse
import collections
import functools
import pathlib
import subprocess
import sys
import time

import numpy
import PIL.Image
import torch
import torchvision
from timm.models.vision_transformer import VisionTransformer

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# Name in the catalogue, and patch size, width, depth, heads.
TRANSFORMERS = {
    "dino_s_vits16": (16, 384, 12, 6),
    "dino_s_vitb14": (14, 768, 12, 12),
    "dino_s_vitl16": (16, 1024, 24, 16),
    "mae_s_vitb16": (16, 768, 12, 12),
}
RESIDUAL = "dino_s_resnext50"


def pictures(paths):
    """uint8 [photos, 3, 224, 224], as the evaluation transform of the published code gives them."""
    transform = torchvision.transforms.Compose([
        torchvision.transforms.Resize(256, interpolation=torchvision.transforms.InterpolationMode.BICUBIC),
        torchvision.transforms.CenterCrop(224),
        torchvision.transforms.PILToTensor(),
    ])
    return torch.stack([transform(PIL.Image.open(path).convert("RGB")) for path in paths])


def normalised(pixels, dtype):
    mean, deviation = (torch.tensor(values, dtype=dtype).view(1, 3, 1, 1) for values in (MEAN, DEVIATION))
    return (pixels.to(dtype) / 255 - mean) / deviation


def noise(like, deviation, generator):
    return torch.randn(like.shape, generator=generator) * deviation


def sine_table(width, side):
    """The fixed positions of MAE: half of the width for the column, half for the row."""
    frequencies = 10000.0 ** (-numpy.arange(width // 4) / (width / 4))

    def half(positions):
        angles = positions.reshape(-1, 1) * frequencies
        return numpy.concatenate([numpy.sin(angles), numpy.cos(angles)], axis=1)

    rows, columns = numpy.meshgrid(numpy.arange(side), numpy.arange(side), indexing="ij")
    table = numpy.concatenate([half(columns), half(rows)], axis=1)
    return torch.from_numpy(numpy.concatenate([numpy.zeros((1, width)), table])[None]).float()


def make_transformer(name, generator):
    patch, width, depth, heads = TRANSFORMERS[name]
    model = VisionTransformer(
        img_size=224, patch_size=patch, embed_dim=width, depth=depth, num_heads=heads, mlp_ratio=4, qkv_bias=True,
        num_classes=0, global_pool="token", norm_layer=functools.partial(torch.nn.LayerNorm, eps=1e-6)).eval()
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if key in ("cls_token", "pos_embed"):
                parameter.copy_(noise(parameter, 0.2, generator))
            elif "norm" in key and key.endswith("weight"):
                parameter.copy_(1 + noise(parameter, 0.1, generator))
            elif parameter.dim() == 1:
                parameter.add_(noise(parameter, 0.05, generator))
            elif "qkv" in key:
                # As initialised, attention would be all but uniform and hide mistakes.
                parameter.mul_(2)
        if name.startswith("mae_"):
            model.pos_embed.copy_(sine_table(width, 224 // patch))
    return model


def make_residual(pixels, generator):
    model = torchvision.models.resnext50_32x4d(weights=None)
    model.fc = torch.nn.Identity()
    norms = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    with torch.no_grad():
        for norm in norms:
            norm.weight.copy_(1 + noise(norm.weight, 0.1, generator))
            norm.bias.copy_(noise(norm.bias, 0.1, generator))
            # The mean over all batches seen: what one pass over the photographs measures.
            norm.momentum = None
        model.train()
        model(normalised(pixels, torch.float32))
        for norm in norms:
            norm.running_mean.add_(norm.running_var.sqrt() * noise(norm.running_mean, 0.1, generator))
            norm.running_var.mul_(torch.exp(noise(norm.running_var, 0.1, generator)))
    return model.eval()


def adam(parameters):
    """The state of the optimiser, with the numpy numbers that training scripts leave in it."""
    return {
        "state": {
            index: {"step": 1000, "exp_avg": value * 0.01, "exp_avg_sq": value * value * 0.01}
            for index, value in enumerate(parameters)
        },
        "param_groups": [{
            "lr": numpy.float64(1e-4), "weight_decay": numpy.float64(0.04), "betas": (0.9, 0.999), "eps": 1e-8,
            "params": list(range(len(parameters))),
        }],
    }


def dino_checkpoint(model, width, prefix, generator):
    head = collections.OrderedDict()
    for index, (inputs, outputs) in zip((0, 2, 4), ((width, 2048), (2048, 2048), (2048, 256))):
        head[f"head.mlp.{index}.weight"] = torch.randn((outputs, inputs), generator=generator) * 0.02
        head[f"head.mlp.{index}.bias"] = torch.zeros(outputs)
    head["head.last_layer.weight_g"] = torch.ones((65536, 1))
    head["head.last_layer.weight_v"] = torch.randn((65536, 256), generator=generator) * 0.02
    tensors = {f"backbone.{key}": value for key, value in model.state_dict().items()} | head
    teacher = collections.OrderedDict((prefix + key, value) for key, value in tensors.items())
    # The teacher trails the student: equal in shape, never in value.
    student = collections.OrderedDict(
        (f"module.{key}", value * 1.01 if value.is_floating_point() else value.clone()) for key, value in tensors.items())
    trained = [value for key, value in student.items() if value.is_floating_point() and "running_" not in key]
    return {
        "student": student, "teacher": teacher, "optimizer": adam(trained), "it": 99999,
        "args": argparse.Namespace(arch="vit_base", lr=numpy.float64(5e-4), output_dir=pathlib.PurePosixPath("out")),
        "dino_loss": collections.OrderedDict(center=torch.zeros((1, 65536))),
    }


def mae_checkpoint(model, width, generator):
    tensors = collections.OrderedDict(model.state_dict())
    inner = 512

    def draw(name, *shape):
        tensors[name] = torch.randn(shape, generator=generator) * 0.02

    draw("mask_token", 1, 1, inner)
    draw("decoder_pos_embed", 1, 197, inner)
    draw("decoder_embed.weight", inner, width)
    draw("decoder_embed.bias", inner)
    for block in range(8):
        for name, rows, columns in (
            ("attn.qkv", 3 * inner, inner), ("attn.proj", inner, inner), ("mlp.fc1", 4 * inner, inner),
            ("mlp.fc2", inner, 4 * inner),
        ):
            draw(f"decoder_blocks.{block}.{name}.weight", rows, columns)
            draw(f"decoder_blocks.{block}.{name}.bias", rows)
        for norm in ("norm1", "norm2"):
            draw(f"decoder_blocks.{block}.{norm}.weight", inner)
            draw(f"decoder_blocks.{block}.{norm}.bias", inner)
    draw("decoder_norm.weight", inner)
    draw("decoder_norm.bias", inner)
    draw("decoder_pred.weight", 768, inner)
    draw("decoder_pred.bias", 768)
    return {
        "model": tensors, "optimizer": adam(list(tensors.values())), "it": 99999,
        "args": argparse.Namespace(model="mae_vit_base_patch16", mask_ratio=0.8),
        "scaler": {"scale": 65536.0, "growth_factor": 2.0, "growth_interval": 2000, "_growth_tracker": 12},
    }


def measure(name, pixels, arguments):
    generator = torch.Generator().manual_seed(arguments.seed)
    torch.manual_seed(arguments.seed)
    path = arguments.folder / f"{name}.pth"
    if name == RESIDUAL:
        model = make_residual(pixels, generator)
        checkpoint = dino_checkpoint(model, 2048, "module.", generator)
    else:
        model = make_transformer(name, generator)
        width = TRANSFORMERS[name][1]
        if name.startswith("mae_"):
            checkpoint = mae_checkpoint(model, width, generator)
        else:
            checkpoint = dino_checkpoint(model, width, "", generator)
    torch.save(checkpoint, path)
    del checkpoint
    size = path.stat().st_size
    with torch.no_grad():
        single = model(normalised(pixels, torch.float32)).double().numpy()
        double = model.double()(normalised(pixels, torch.float64)).numpy()
    del model

    output = arguments.folder / f"{name}.npy"
    command = [arguments.beasts, "embed", "--quiet", "--model", name, "--weights", path, "--backend", arguments.backend]
    command += ["--threads", str(arguments.threads)] if arguments.threads else []
    start = time.monotonic()
    try:
        subprocess.run([str(word) for word in command + ["-o", output, *arguments.photos]], check=True)
        seconds = time.monotonic() - start
        found = numpy.load(output).astype(numpy.float64)
    finally:
        if not arguments.keep:
            path.unlink()
    if found.shape != double.shape:
        sys.exit(f"{name}: shape {found.shape}, expected {double.shape}")

    def errors(expected):
        return (
            max(abs(row - wanted).max() / abs(wanted).max() for row, wanted in zip(found, expected)),
            max(numpy.linalg.norm(row - wanted) / numpy.linalg.norm(wanted) for row, wanted in zip(found, expected)),
        )

    # How different the photographs are for the model: an error means nothing if this is as small.
    pairs = [(a, b) for index, a in enumerate(double) for b in double[index + 1:]]
    contrast = min((numpy.linalg.norm(a - b) / numpy.linalg.norm(a) for a, b in pairs), default=float("nan"))
    figures = *errors(double), *errors(single)
    print(
        f"{name:18}{size / 1e9:6.2f} GB  " + "  ".join(f"{value:.1e}" for value in figures)
        + f"  {contrast:8.3f}  {seconds:7.1f} s  {seconds / len(found):6.1f} s", flush=True)
    return all(value <= arguments.bound for value in figures)


def main():
    names = [*TRANSFORMERS, RESIDUAL]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--beasts", required=True, type=pathlib.Path, help="the program, from a release build")
    parser.add_argument("--folder", required=True, type=pathlib.Path, help="where checkpoints may be written")
    parser.add_argument("--models", nargs="+", default=names, choices=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--backend", default="reference")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--bound", type=float, default=1e-4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="leave the checkpoints there")
    parser.add_argument("photos", nargs="+", type=pathlib.Path)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    pixels = pictures(arguments.photos)
    print("relative error of the worst photo: against float64 (largest, L2), against float32 (largest, L2); the smallest")
    print("relative distance of two photos; time of beasts embed, in all and for a photo")
    results = [measure(name, pixels, arguments) for name in arguments.models]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
