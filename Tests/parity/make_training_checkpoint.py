# SPDX-License-Identifier: MIT
"""Writes a checkpoint as large as a ViT-B/14 training run leaves it (about 1.8 GB), to measure how the reader behaves.

    python make_training_checkpoint.py OUTPUT [--legacy]

Random weights: `teacher` (343 MB and its head), `student`, and two Adam moments for each student tensor.
Needs torch.
"""
import argparse
import collections

import torch


def vit_b14_shapes(width=768, depth=12, tokens=257, patch=14):
    yield "backbone.cls_token", (1, 1, width)
    yield "backbone.pos_embed", (1, tokens, width)
    yield "backbone.patch_embed.proj.weight", (width, 3, patch, patch)
    yield "backbone.patch_embed.proj.bias", (width,)
    for block in range(depth):
        prefix = f"backbone.blocks.{block}."
        for norm in ("norm1", "norm2"):
            yield f"{prefix}{norm}.weight", (width,)
            yield f"{prefix}{norm}.bias", (width,)
        for name, rows, columns in (
            ("attn.qkv", 3 * width, width),
            ("attn.proj", width, width),
            ("mlp.fc1", 4 * width, width),
            ("mlp.fc2", width, 4 * width),
        ):
            yield f"{prefix}{name}.weight", (rows, columns)
            yield f"{prefix}{name}.bias", (rows,)
    yield "backbone.norm.weight", (width,)
    yield "backbone.norm.bias", (width,)


def state_dictionary(shapes, generator, prefix=""):
    return collections.OrderedDict(
        (prefix + name, torch.randn(shape, generator=generator)) for name, shape in shapes
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output")
    parser.add_argument("--legacy", action="store_true", help="the stream of PyTorch before 1.6")
    arguments = parser.parse_args()
    generator = torch.Generator().manual_seed(1)
    shapes = list(vit_b14_shapes())
    head = [("head.mlp.0.weight", (2048, 768)), ("head.last_layer.weight_v", (65536, 256))]
    student = state_dictionary(shapes + head, generator, prefix="module.")
    checkpoint = {
        "student": student,
        "teacher": state_dictionary(shapes + head, generator),
        "optimizer": {
            "state": {
                index: {"step": 1000, "exp_avg": tensor * 0.1, "exp_avg_sq": tensor * tensor}
                for index, tensor in enumerate(student.values())
            },
            "param_groups": [{"lr": 1e-4, "params": list(range(len(student)))}],
        },
        "epoch": 7,
        "args": argparse.Namespace(arch="vit_base", patch_size=14),
    }
    torch.save(checkpoint, arguments.output, _use_new_zipfile_serialization=not arguments.legacy)


if __name__ == "__main__":
    main()
