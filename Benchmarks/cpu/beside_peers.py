#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Times beasts and its peers in one alternating run and prints a markdown table with the ratios.

    beside_peers.py --beasts .build/release --peers PEERS.PY --python PEERS_ENVIRONMENT/bin/python --pictures FOLDER
                    [--jobs embed,cold,folder,prepare,limit,tokens,tokenizer] [--rounds 3] [--threads 2] ...

Each round runs beasts and then each peer, every one a process of its own with the same number of threads; what is
printed is the median of the rounds. A peer is a script with the jobs `embed`, `folder`, `prepare`, `generate`, `vqgan` and a
text `COLD` (PyTorch from process start to the first embedding), printing one JSON object a reading, and an environment with
PyTorch, OpenVINO, ONNX Runtime and Pillow. Nothing else should run on the machine meanwhile.
"""
import argparse
import datetime
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

MODELS = {"vits16": "dino_y_vits16", "vitb14": "dino_s_vitb14", "vitl16": "dino_s_vitl16", "resnext50": "dino_s_resnext50"}

# Generators whose transformer has these sizes and reads codes of 32 x 32, as the peer's does.
GENERATORS = {"alef": "imagenet100_alef", "gimel": "say_gimel"}
CONTEXTS = {"alef": [0, 200], "gimel": [0, 512, 1008]}

PREPARE = """
import sys, numpy, torch
sys.path.insert(0, {folder!r})
import peers
from PIL import Image
transform = peers.picture_transform()
files = open({list!r}).read().splitlines()
mine = numpy.memmap({numbers!r}, "float32", "r", shape=(len(files), 224, 224, 3))
theirs = (transform(Image.open(f).convert("RGB")).permute(1, 2, 0).numpy() for f in files)
print(sum(bool((a == b).all()) for a, b in zip(mine, theirs)), "of", len(files))
"""

# Pillow, NumPy and the engine alone: importing PyTorch would take longer than all the rest.
PICTURE = """
import numpy
from PIL import Image
picture = Image.open({picture!r}).convert("RGB")
scale = 256 / min(picture.size)
picture = picture.resize([int(side * scale) for side in picture.size], Image.Resampling.BICUBIC)
left, top = ((side - 224) // 2 for side in picture.size)
x = numpy.asarray(picture.crop((left, top, left + 224, top + 224)), "float32") / 255
x = (x - numpy.float32((0.485, 0.456, 0.406))) / numpy.float32((0.229, 0.224, 0.225))
x = numpy.ascontiguousarray(x.transpose(2, 0, 1)[None])
"""
COLD_ENGINES = {
    "onnxruntime": PICTURE + """
import onnxruntime
settings = onnxruntime.SessionOptions()
settings.intra_op_num_threads = {threads}
session = onnxruntime.InferenceSession({stem!r} + ".onnx", settings, providers=["CPUExecutionProvider"])
assert session.run(None, {{"x": x}})[0].shape == (1, 768)
""",
    "openvino": PICTURE + """
import openvino
core = openvino.Core()
model = core.read_model({stem!r} + ".xml")
model.reshape([1, 3, 224, 224])
settings = {{"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": {threads}}}
assert core.compile_model(model, "CPU", settings).create_infer_request().infer({{0: x}})[0].shape == (1, 768)
""",
}


class Process:
    """Output, seconds and peak memory of a process that must succeed."""

    def __init__(self, *command, threads):
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
        start = time.perf_counter()
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True)
        # Output is short: it fits the pipes.
        _, status, usage = os.wait4(child.pid, 0)
        self.seconds = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        self.output, errors = child.stdout.read(), child.stderr.read()
        self.peak_mb = usage.ru_maxrss / 1024
        if status != 0:
            sys.exit(f"{' '.join(command)[:300]}: {errors.strip()[-1000:]}")

    def readings(self):
        return [json.loads(line) for line in self.output.splitlines() if line.startswith("{")]


class Comparison:
    def __init__(self, options):
        self.options = options
        self.folder = tempfile.mkdtemp(prefix="beside-peers-")

    def beasts(self, *arguments, program="beasts"):
        return Process(os.path.join(self.options.beasts, program), *arguments, threads=self.options.threads)

    def peer(self, *arguments, threads=None):
        options, threads = self.options, threads or self.options.threads
        return Process(options.python, options.peers, *arguments, "--threads", str(threads), threads=threads)

    def python(self, code):
        return Process(self.options.python, "-c", code, threads=self.options.threads)

    def table(self, title, header, rows):
        print(f"\n{title}\n\n| {' | '.join(header)} |\n|{' --- |' * len(header)}")
        for row in rows:
            print(f"| {' | '.join(row)} |")
        sys.stdout.flush()

    def embed(self):
        options = self.options
        header = ["case", "precision", "batch", "beasts, pictures/s (of limit)", *(f"{e} (ratio)" for e in options.engines)]
        rows = []
        for case in options.cases:
            for precision in options.precisions:
                mine, limits = {}, []
                theirs = {engine: {} for engine in options.engines}
                batches = [1, 8]
                for _ in range(options.rounds):
                    report = json.loads(
                        self.beasts(
                            "bench", "--model", MODELS[case], "--random-weights", "--batch-size", "1,8,32", "--limit",
                            "--threads", str(options.threads), "--precision", precision, "--repeats", str(options.repeats),
                            "--format", "json").output)
                    for result in report["results"]:
                        mine.setdefault(result["batch"], []).append(
                            (result["picturesPerSecond"], result.get("fractionOfLimit") or 0))
                    for engine in options.engines:
                        batch = ",".join(map(str, batches))
                        process = self.peer("embed", "--case", case, "--engine", engine, "--precision", precision, "--batch", batch)
                        for reading in process.readings():
                            theirs[engine].setdefault(reading["batch"], []).append(reading["per_second"])
                for batch, figures in sorted(mine.items()):
                    rate, fraction = (statistics.median(column) for column in zip(*figures))
                    cells = [case, precision, str(batch), f"{rate:.2f} ({fraction:.3f})"]
                    for engine in options.engines:
                        found = theirs[engine].get(batch)
                        cells.append(f"{statistics.median(found):.2f} ({rate / statistics.median(found):.2f} x)" if found else "")
                    rows.append(cells)
                print(f"{case} {precision}: done", file=sys.stderr)
        self.table("Embedding at 224 pixels", header, rows)

    def cold(self):
        options = self.options
        folder = os.path.dirname(os.path.abspath(options.peers))
        picture = self.pictures()[0]
        weights = os.path.join(self.folder, "vitb14.pth")
        self.python(
            f"import sys; sys.path.insert(0, {folder!r}); import torch; from models import embedder; "
            f"torch.save({{'teacher': embedder('vitb14')[0].state_dict()}}, {weights!r})")
        stem = os.path.join(tempfile.gettempdir(), "beasts-peers", "vitb14")
        for engine, ending in (("onnxruntime", ".onnx"), ("openvino", ".xml")):
            if not os.path.exists(stem + ending):
                self.peer("embed", "--case", "vitb14", "--engine", engine, "--batch", "1")
        torch = self.python(
            f"import sys; sys.path.insert(0, {folder!r}); import peers; print(peers.COLD.format(here={folder!r}, "
            f"threads={options.threads}, case='vitb14', weights={weights!r}, picture={picture!r}))").output
        values = dict(picture=picture, stem=stem, threads=options.threads)
        codes = {engine: code.format(**values) for engine, code in COLD_ENGINES.items()}
        codes["torch"] = torch
        output = os.path.join(self.folder, "cold.npy")
        mine = lambda: self.beasts(
            "embed", picture, "--model", MODELS["vitb14"], "--weights", weights, "--threads", str(options.threads), "-o",
            output, "--quiet")
        runs = {"beasts": mine, **{name: lambda code=code: self.python(code) for name, code in codes.items()}}
        found = {name: [] for name in runs}
        for number in range(options.cold_rounds + 1):
            for name, run in runs.items():
                if number > 0 or name != "torch":
                    process = run()
                    if number > 0:
                        found[name].append((process.seconds, process.peak_mb))
        medians = {name: [statistics.median(column) for column in zip(*readings)] for name, readings in found.items()}
        own = medians["beasts"][0]
        notes = {"beasts": "training checkpoint (.pth)", "onnxruntime": "its own format", "openvino": "its own format",
                 "torch": "training checkpoint, memory-mapped"}
        self.table(
            "Process start to the first ViT-B/14 embedding, f32, files in the page cache",
            ["", "weights from", "seconds (beasts / it)", "peak MB"],
            [[name, notes[name], f"{seconds:.3f}" + ("" if name == "beasts" else f" ({own / seconds:.2f})"), f"{peak:.0f}"]
             for name, (seconds, peak) in medians.items()])

    def folder_of_pictures(self):
        for precision in self.options.precisions:
            self.folder_in(precision)

    def folder_in(self, precision):
        options = self.options
        count = len(self.pictures())
        output = os.path.join(self.folder, "folder.npy")
        mine, whole, theirs = [], [], {}
        # A reading of the peer takes a minute, so beasts runs before each of them and not once a round.
        for workers in ["0", "1", "2"] * options.folder_rounds:
            process = self.beasts(
                "embed", options.pictures, "--model", MODELS["vitb14"], "--weights", self.random_weights(), "--precision",
                precision, "--threads", str(options.threads), "-o", output, "--json", "--quiet")
            mine.append(count / json.loads(process.output)["seconds"])
            whole.append(count / process.seconds)
            readings = self.peer(
                "folder", "--case", "vitb14", "--engine", "openvino", "--precision", precision, "--batch", "8", "--workers",
                workers, "--pictures", options.pictures).readings()
            theirs.setdefault(workers, []).append(readings[0]["per_second"])
        own = statistics.median(mine)
        rows = [["beasts", f"{own:.2f}", ""], ["beasts, start and loading included", f"{statistics.median(whole):.2f}", ""]]
        for workers, rates in sorted(theirs.items()):
            rate = statistics.median(rates)
            rows.append([f"OpenVINO + Pillow, {workers} workers", f"{rate:.2f}", f"{own / rate:.2f} x"])
        self.table(f"{count} photographs to one array, ViT-B/14, {precision}", ["", "pictures/s", "ratio"], rows)

    def random_weights(self):
        path = os.path.join(self.folder, "vitb14.pth")
        if not os.path.exists(path):
            folder = os.path.dirname(os.path.abspath(self.options.peers))
            self.python(
                f"import sys; sys.path.insert(0, {folder!r}); import torch; from models import embedder; "
                f"torch.save({{'teacher': embedder('vitb14')[0].state_dict()}}, {path!r})")
        return path

    def prepare(self):
        options = self.options
        numbers = os.path.join(self.folder, "numbers")
        mine, theirs = [], []
        for _ in range(options.rounds):
            process = self.beasts(options.pictures, "--numbers", numbers, program="picture-preparing")
            mine.append(process.readings()[0]["picturesPerSecond"])
            theirs += [r["per_second"] for r in self.peer("prepare", "--pictures", options.pictures, threads=1).readings()]
        folder = os.path.dirname(os.path.abspath(options.peers))
        equal = self.python(PREPARE.format(folder=folder, list=numbers + ".paths.txt", numbers=numbers)).output.strip()
        own, other = statistics.median(mine), statistics.median(theirs)
        self.table(
            "Decoding, resizing to 256, cropping, normalising on one thread", ["", "pictures/s", "ratio", "same numbers"],
            [["beasts", f"{own:.0f}", "", ""], ["Pillow, torchvision", f"{other:.0f}", f"{own / other:.2f} x", equal]])

    def tokens(self):
        options = self.options
        rows = []
        for case in options.generators:
            for precision in options.precisions:
                mine, theirs = {}, {}
                contexts = ",".join(map(str, CONTEXTS[case]))
                batches = ",".join(map(str, options.token_batches))
                for _ in range(options.rounds):
                    report = self.beasts(
                        "bench", "--model", GENERATORS[case], "--random-weights", "--contexts", contexts, "--batch-size",
                        batches, "--precision", precision, "--threads", str(options.threads), "--steps", "8", "--repeats",
                        "3", "--limit", "--format", "json").output
                    for result in json.loads(report)["results"]:
                        key = (result["batch"], result["context"])
                        mine.setdefault(key, []).append(
                            (result["perSecond"], result["readBytesPerSecond"] / 1e9, result["fractionOfMemory"]))
                    if precision not in ("f32", "bf16"):
                        continue
                    process = self.peer("generate", "--case", case, "--precision", precision, "--batch", batches, "--context", contexts)
                    for reading in process.readings():
                        theirs.setdefault((reading["batch"], reading["context"]), []).append(reading["tokens_per_second"])
                for (batch, context), figures in sorted(mine.items()):
                    rate, read, fraction = (statistics.median(column) for column in zip(*figures))
                    readings = theirs.get((batch, context))
                    other = statistics.median(readings) if readings else None
                    peer = f"{other:.2f} ({rate / other:.2f} x)" if other else ""
                    rows.append([case, precision, str(batch), str(context), f"{rate:.2f}", f"{read:.1f}", f"{fraction:.2f}", peer])
                print(f"{case} {precision}: done", file=sys.stderr)
        header = ["case", "precision", "batch", "context", "beasts, tokens/s", "read GB/s", "of memory", "transformers, cached (ratio)"]
        self.table("Codes one after the other", header, rows)

    def tokenizer(self):
        options = self.options
        rows = []
        for precision in options.precisions:
            mine, theirs = {}, {}
            for _ in range(options.rounds):
                report = self.beasts(
                    "bench", "--model", GENERATORS["gimel"], "--random-weights", "--tasks", "encode,decode", "--precision",
                    precision, "--threads", str(options.threads), "--repeats", "3", "--format", "json").output
                for result in json.loads(report)["results"]:
                    mine.setdefault(result["task"], []).append((result["perSecond"], result["operationsPerSecond"] / 1e9))
                for engine in options.engines:
                    process = self.peer("vqgan", "--case", "f8", "--engine", engine, "--precision", precision, "--batch", "1")
                    for reading in process.readings():
                        theirs.setdefault((reading["part"], engine), []).append(reading["per_second"])
            for task, figures in mine.items():
                rate, operations = (statistics.median(column) for column in zip(*figures))
                cells = [task, precision, f"{rate:.3f}", f"{operations:.0f}"]
                for engine in options.engines:
                    other = statistics.median(theirs[task, engine])
                    cells.append(f"{other:.3f} ({rate / other:.2f} x)")
                rows.append(cells)
        header = ["", "precision", "beasts, pictures/s", "GFLOP/s", *(f"{e} (ratio)" for e in options.engines)]
        self.table("VQGAN of 32 x 32 codes, 256 pixels, batch 1", header, rows)

    def limit(self):
        options = self.options
        if not options.limit_program:
            return
        mine, theirs = [], []
        for _ in range(options.rounds):
            report = self.beasts("bench", "--limit", "--threads", str(options.threads), "--format", "json").output
            mine.append(max(limit["operationsPerSecond"] for limit in json.loads(report)["limits"]) / 1e9)
            lines = Process(options.limit_program, "gemm", "gemm2", threads=options.threads).output.splitlines()
            rates = [line.split("GFLOP/s")[0].split()[-1] for line in lines if "f32->f32" in line and "GFLOP/s" in line]
            theirs.append(max(map(float, rates)))
        own, other = statistics.median(mine), statistics.median(theirs)
        self.table(
            "Best rate of f32 products", ["", "GFLOP/s", "ratio"],
            [["beasts bench --limit", f"{own:.1f}", ""], ["oneDNN alone", f"{other:.1f}", f"{own / other:.3f} x"]])

    def pictures(self):
        endings = (".jpg", ".jpeg", ".png")
        names = sorted(name for name in os.listdir(self.options.pictures) if name.lower().endswith(endings))
        return [os.path.join(self.options.pictures, name) for name in names] or sys.exit("no pictures there")


def processor():
    with open("/proc/cpuinfo") as file:
        names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    with open("/proc/cpuinfo") as file:
        flags = next((line.split() for line in file if line.startswith("flags")), [])
    best = next((flag for flag in ("amx_bf16", "avx512_bf16", "avx512f", "avx2") if flag in flags), "no AVX2")
    return f"{names[0] if names else 'unknown processor'}, {len(os.sched_getaffinity(0))} cores, {best}"


def main():
    lines = lambda text: [part for part in text.split(",") if part]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--beasts", required=True, help="folder of the release build")
    parser.add_argument("--peers", required=True, help="the peers' script")
    parser.add_argument("--python", required=True, help="the Python of the peers' environment")
    parser.add_argument("--pictures", required=True, help="folder of photographs")
    parser.add_argument("--jobs", type=lines, default=["embed", "cold", "folder", "prepare", "limit"])
    parser.add_argument("--cases", type=lines, default=list(MODELS))
    parser.add_argument("--precisions", type=lines, default=["f32"], help="f32, bf16, and of tokens int8")
    parser.add_argument("--engines", type=lines, default=["openvino"], help="of embed: openvino, onnxruntime, torch, torch-eager")
    parser.add_argument("--generators", type=lines, default=["gimel"], help="of tokens: alef, gimel")
    parser.add_argument("--token-batches", type=lines, default=["1", "4"], help="of tokens")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cold-rounds", type=int, default=7)
    parser.add_argument("--folder-rounds", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5, help="timed runs of beasts in a round")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--limit-program", help="a program that times oneDNN's own products, for the job limit")
    comparison = Comparison(parser.parse_args())
    options = comparison.options
    version = comparison.beasts("--version").output.strip()
    print(f"{datetime.date.today()}, {processor()}, {options.threads} threads, {version}, medians of {options.rounds} rounds")
    jobs = {"embed": comparison.embed, "cold": comparison.cold, "folder": comparison.folder_of_pictures,
            "prepare": comparison.prepare, "limit": comparison.limit, "tokens": comparison.tokens,
            "tokenizer": comparison.tokenizer}
    for job in options.jobs:
        jobs[job]() if job in jobs else sys.exit(f"no job {job}; there are {', '.join(jobs)}")


if __name__ == "__main__":
    main()
