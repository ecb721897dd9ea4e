#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Times a block of ViT-S at 197 tokens by ncnn's Vulkan and by beasts, on the same device.

    python3 -m venv V && V/bin/pip install --no-deps ncnn && V/bin/pip install numpy
    V/bin/python beside_ncnn.py .build/release/beasts [--rounds 3] [--device 0] [--blocks 1] [--check]

Each round runs one and then the other, every one a process of its own; what is printed is the best and the median of the
rounds, milliseconds a block and the ratio. For beasts that is a twelfth of all of ViT-S/16, with the embedding of patches
and the last norm. ncnn runs as it is set up by default (16-bit storage and arithmetic where the device has it) and in
float32. Weights are random, of the size of trained ones; --check holds ncnn's output against NumPy's.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

TOKENS, WIDTH, HEADS, HIDDEN = 197, 384, 6, 1536


def layers(count):
    """ncnn's description of the blocks, a line each."""
    lines = ["Input in0 0 1 x0"]
    for i in range(count):
        lines += [
            f"Split s{i} 1 2 x{i} a{i} b{i}",
            f"LayerNorm n{i} 1 1 b{i} c{i} 0={WIDTH} 1=1e-6 2=1",
            f"MultiHeadAttention t{i} 1 1 c{i} d{i} 0={WIDTH} 1={HEADS} 2={WIDTH * WIDTH} 3={WIDTH} 4={WIDTH}",
            f"BinaryOp p{i} 2 1 a{i} d{i} e{i} 0=0",
            f"Split u{i} 1 2 e{i} f{i} g{i}",
            f"LayerNorm m{i} 1 1 g{i} h{i} 0={WIDTH} 1=1e-6 2=1",
            f"InnerProduct q{i} 1 1 h{i} j{i} 0={HIDDEN} 1=1 2={WIDTH * HIDDEN}",
            f"GELU r{i} 1 1 j{i} k{i} 0=0",
            f"InnerProduct v{i} 1 1 k{i} l{i} 0={WIDTH} 1=1 2={WIDTH * HIDDEN}",
            f"BinaryOp w{i} 2 1 f{i} l{i} x{i + 1} 0=0",
        ]
    blobs = 1 + 12 * count
    return "7767517\n" + f"{len(lines)} {blobs}\n" + "\n".join(lines) + "\n"


def weights(numpy, count):
    """What the layers read, in their order: (values, whether ncnn expects a tag of its type before them)."""
    random = numpy.random.default_rng(1)

    def matrix(rows, columns):
        return (random.standard_normal((rows, columns)) * 0.02).astype("float32"), True

    def vector(count, mean=0.0):
        return (mean + 0.02 * random.standard_normal(count)).astype("float32"), False

    parts = []
    for _ in range(count):
        parts += [vector(WIDTH, 1.0), vector(WIDTH)]
        for _ in range(4):
            parts += [matrix(WIDTH, WIDTH), vector(WIDTH)]
        parts += [vector(WIDTH, 1.0), vector(WIDTH)]
        parts += [matrix(HIDDEN, WIDTH), vector(HIDDEN), matrix(WIDTH, HIDDEN), vector(WIDTH)]
    return parts


def expected(numpy, count, parts, x):
    """The blocks in float64."""
    import math

    erf = numpy.vectorize(math.erf)
    values = iter(part.astype("float64") for part, _ in parts)

    def norm(x):
        scale, shift = next(values), next(values)
        return (x - x.mean(1, keepdims=True)) / numpy.sqrt(x.var(1, keepdims=True) + 1e-6) * scale + shift

    def linear(x):
        factor, shift = next(values), next(values)
        return x @ factor.T + shift

    x = x.astype("float64")
    for _ in range(count):
        y = norm(x)
        q, k, v = (linear(y).reshape(TOKENS, HEADS, -1).transpose(1, 0, 2) for _ in range(3))
        scores = numpy.exp(q @ k.transpose(0, 2, 1) / math.sqrt(WIDTH // HEADS))
        y = (scores / scores.sum(2, keepdims=True) @ v).transpose(1, 0, 2).reshape(TOKENS, WIDTH)
        x = x + linear(y)
        y = linear(norm(x))
        x = x + linear(0.5 * y * (1 + erf(y / math.sqrt(2))))
    return x


def run_ncnn(options):
    """In a process of its own: prints the seconds of the best run."""
    import ncnn
    import numpy

    parts = weights(numpy, options.blocks)
    x = numpy.random.default_rng(2).standard_normal((TOKENS, WIDTH)).astype("float32")
    net = ncnn.Net()
    net.opt.use_vulkan_compute = True
    if options.precision == "f32":
        net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    net.set_vulkan_device(options.device)
    with tempfile.TemporaryDirectory() as folder:
        with open(folder + "/blocks.param", "w") as file:
            file.write(layers(options.blocks))
        with open(folder + "/blocks.bin", "wb") as file:
            for part, has_tag in parts:
                file.write((b"\0\0\0\0" if has_tag else b"") + part.tobytes())
        assert net.load_param(folder + "/blocks.param") == 0 and net.load_model(folder + "/blocks.bin") == 0
    seconds, output = [], None
    start = time.perf_counter()
    while len(seconds) < 3 or time.perf_counter() - start < options.seconds:
        begin = time.perf_counter()
        extractor = net.create_extractor()
        extractor.input("x0", ncnn.Mat(x))
        code, output = extractor.extract(f"x{options.blocks}")
        output = numpy.array(output)
        assert code == 0
        seconds.append(time.perf_counter() - begin)
    error = None
    if options.check:
        right = expected(numpy, options.blocks, parts, x)
        error = float(numpy.linalg.norm(output - right) / numpy.linalg.norm(right))
    device = ncnn.get_gpu_info(options.device).device_name()
    print(json.dumps({"seconds": min(seconds[1:]) / options.blocks, "error": error, "device": device, "version": ncnn.__version__}))
    sys.stdout.flush()
    os._exit(0)


def output_of(*command):
    finished = subprocess.run(command, capture_output=True, text=True)
    if finished.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit code {finished.returncode}: {finished.stderr[-2000:]}")
    return finished.stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("beasts", nargs="?", help="the program, built in release")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=4, help="of each of ncnn's runs")
    parser.add_argument("--blocks", type=int, default=1, help="that ncnn has to run")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--precision", choices=["default", "f32"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.precision:
        run_ncnn(options)
    if not options.beasts:
        parser.error("which program?")
    readings = {"beasts f32": [], "ncnn f32": [], "ncnn default": []}
    facts = {}
    for _ in range(options.rounds):
        text = output_of(
            options.beasts, "bench", "--backend", f"vulkan:{options.device}", "--model", "dino_s_vits16",
            "--random-weights", "--batch-size", "1", "--repeats", "5", "--json")
        result = json.loads(text)["results"][0]
        readings["beasts f32"].append(min(result["seconds"]) / 12)
        for precision in ("f32", "default"):
            command = [sys.executable, __file__, "--precision", precision, "--device", str(options.device)]
            command += ["--blocks", str(options.blocks), "--seconds", str(options.seconds)] + (["--check"] if options.check else [])
            facts = json.loads(output_of(*command))
            readings["ncnn " + precision].append(facts["seconds"])
            if options.check:
                print(f"ncnn {precision}: relative L2 distance to float64 {facts['error']:.1e}")
    print(f"{facts['device']}, ncnn {facts['version']}, {options.rounds} rounds\n")
    print("| engine | best ms | median ms | of beasts |\n| --- | --- | --- | --- |")
    own = min(readings["beasts f32"])
    for name, seconds in readings.items():
        best, median = min(seconds), statistics.median(seconds)
        print(f"| {name} | {best * 1e3:.1f} | {median * 1e3:.1f} | {best / own:.2f} |")


if __name__ == "__main__":
    main()
