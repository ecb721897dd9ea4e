# SPDX-License-Identifier: MIT
"""Vision transformers of the shapes that `beasts bench` times, in plain PyTorch on CUDA: pictures a second at batch 64."""

import time

import torch
import torch.nn.functional as F
from torch import nn


class Block(nn.Module):
    """Pre-norm: attention by SDPA, then the MLP."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        batch, tokens, width = x.shape
        qkv = self.qkv(self.norm1(x)).reshape(batch, tokens, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(batch, tokens, width)
        x = x + self.proj(mixed)
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))


class Transformer(nn.Module):
    def __init__(self, patch, width, depth, heads):
        super().__init__()
        self.patch = nn.Conv2d(3, width, patch, patch)
        self.positions = nn.Parameter(torch.zeros(1, (224 // patch) ** 2 + 1, width))
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width, eps=1e-6)

    def forward(self, pictures):
        x = self.patch(pictures).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1) + self.positions
        for block in self.blocks:
            x = block(x)
        return self.norm(x)[:, 0]


def main():
    torch.backends.cudnn.benchmark = True
    print(f"PyTorch {torch.__version__} on {torch.cuda.get_device_name()}, batch 64")
    for name, shape in {"ViT-B/14": (14, 768, 12, 12), "ViT-L/16": (16, 1024, 24, 16)}.items():
        for dtype in (torch.bfloat16, torch.float32):
            model = Transformer(*shape).cuda().to(dtype).eval()
            host = torch.randn(64, 3, 224, 224)

            def run():
                # As `beasts bench`: upload, embedding, download.
                return model(host.cuda().to(dtype)).float().cpu()

            with torch.inference_mode():
                for _ in range(3):
                    run()
                seconds = []
                for _ in range(5):
                    start = time.perf_counter()
                    run()
                    seconds.append(time.perf_counter() - start)
            print(f"{name} {dtype}: {64 / min(seconds):.1f} pictures/s")


main()
