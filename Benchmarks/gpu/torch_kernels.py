# SPDX-License-Identifier: MIT
"""The cases of kernel-timing in PyTorch on CUDA, bfloat16 and float32 (without TF32): the same lines."""

import sys
import time

import torch
import torch.nn.functional as F


def timed(call):
    """Seconds of a call, the best of three rows that fill a tenth of a second."""

    def seconds(count):
        torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(count):
            call()
        torch.cuda.synchronize()
        return time.perf_counter() - start

    seconds(3)
    count = max(1, int(0.1 / max(seconds(1), 1e-6)))
    return min(seconds(count) / count for _ in range(3))


def make(case, dtype):
    """The operations of a case and its call."""
    kind, numbers = case.split(":")
    n = [int(x) for x in numbers.split(",")]
    random = lambda *shape: torch.randn(*shape, device="cuda", dtype=dtype) * 0.1
    if kind == "linear":
        x, w, b = random(n[0], n[1]), random(n[2], n[1]), random(n[2])
        return 2 * n[0] * n[1] * n[2], lambda: F.linear(x, w, b)
    if kind == "matmul":
        a, b = random(n[0], n[1]), random(n[1], n[2])
        return 2 * n[0] * n[1] * n[2], lambda: a @ b
    if kind == "attention":
        qkv = random(n[0], n[2], 3, n[1], n[3]).permute(2, 0, 3, 1, 4)
        return 4 * n[0] * n[1] * n[2] ** 2 * n[3], lambda: F.scaled_dot_product_attention(qkv[0], qkv[1], qkv[2])
    batch, height, width, channels, outputs, kernel, stride, groups = n
    x = random(batch, channels, height, width).to(memory_format=torch.channels_last)
    w = random(outputs, channels // groups, kernel, kernel).to(memory_format=torch.channels_last)
    call = lambda: F.conv2d(x, w, stride=stride, padding=kernel // 2, groups=groups)
    return 2 * call().numel() * channels // groups * kernel**2, call


def main():
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True
    for dtype in (torch.bfloat16, torch.float32):
        print(f"PyTorch {torch.__version__} on {torch.cuda.get_device_name()}, {dtype}")
        for case in sys.argv[1:]:
            with torch.inference_mode():
                operations, call = make(case, dtype)
                seconds = timed(call)
            print(f"{case} {seconds * 1e3:.4f} ms {operations / seconds * 1e-9:.1f} GFLOP/s")


main()
