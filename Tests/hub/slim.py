# SPDX-License-Identifier: MIT
"""Only the bytes that are needed: `pull --slim`; and `convert`, which makes the same of a whole file."""
import os, pathlib, random, signal, time, zipfile

from checkpoints import read_safetensors
from compatibility import interpreter
from harness import COMMAND, ROOT, Place, case, hub_and_place, sha256
from loading import FILE, MODEL, REPOSITORY, checkpoint, embed, read
from speed import MEMORY, peak_memory

GET = {"server": "storage", "method": "GET"}
REPOSITORIES = lambda: {REPOSITORY: {"files": {FILE: {"path": checkpoint()}}}}


def stored(place):
    return list(pathlib.Path(place.home, "hf", "beasts", "slim").glob("**/*.safetensors"))


def check_nothing_left(place):
    assert not place.blobs() and not place.partial_files(), "the shared cache was touched"
    leftovers = [path for path in pathlib.Path(place.home).glob("hf/beasts/**/.*")]
    assert not leftovers, leftovers


def convert(place, source, name="whole.safetensors"):
    place.run("convert", source, place.home + "/" + name, "--model", MODEL).expect_success()
    result = read_safetensors(place.home + "/" + name)
    os.remove(place.home + "/" + name)
    return result


@case("slim: a fraction of the bytes, the same tensors, the same embeddings", 3, alone=True)
def slim():
    with hub_and_place(REPOSITORIES()) as (hub, place):
        whole = os.path.getsize(checkpoint())
        outcome = place.run("pull", "--slim", MODEL).expect_success()
        sent = hub.sent()
        path, = stored(place)
        needed = path.stat().st_size
        assert sent < needed + (1 << 20), f"{sent} bytes were sent for {needed}"
        assert sent < whole * 0.4, f"{sent} of {whole}"
        assert "CRC" in outcome.errors + outcome.output, "it is not said what was checked"
        check_nothing_left(place)
        place.check_layout()
        metadata, tensors = read_safetensors(path)
        _, expected = convert(place, checkpoint())
        assert tensors == expected, "other tensors than in the whole file"
        commit = hub.files[REPOSITORY]["commit"]
        assert metadata["beasts.repository"] == REPOSITORY and metadata["beasts.commit"] == commit, metadata
        assert metadata["beasts.etag"] == hub.files[REPOSITORY]["files"][FILE]["etag"]
        assert f"/models--{REPOSITORY.replace('/', '--')}/{commit}/" in str(path), path
        asked = len(hub.log())
        embed(place, "a.npy", "--model", MODEL).expect_success()
        numbers = read(place, "a.npy")
        assert len(hub.log()) == asked, "loading asked the hub"
        embed(place, "a.npy", "--model", MODEL, "--weights", checkpoint()).expect_success()
        assert read(place, "a.npy") == numbers
        gets = len(hub.downloads())
        place.run("pull", "--slim", MODEL).expect_success()
        assert len(hub.downloads()) == gets, "fetched again"
        away = place.run("pull", "--slim", MODEL, HF_ENDPOINT="http://127.0.0.1:9").expect_success()
        assert "what is here is used" in away.errors, away.errors
        assert away.output == f"{path}\n", away.output
        assert MODEL in place.run("cache", "list").expect_success().output
        place.run("rm", MODEL).expect_success()
        assert not stored(place), "rm leaves the tensors"
        return f"{sent} bytes of {whole} in {gets} requests"


def refused(*faults, parts=(), options=("--retries", "0")):
    with hub_and_place(REPOSITORIES()) as (hub, place):
        hub.fault(*faults)
        place.run("pull", "--slim", MODEL, *options).expect_failure(REPOSITORY, FILE, *parts)
        assert not stored(place), "something was stored"
        check_nothing_left(place)
        place.check_layout()


@case("slim: a damaged member is noticed by its CRC, nothing is stored", 3)
def damaged():
    with zipfile.ZipFile(checkpoint()) as archive:
        # Tensors of the teacher come first.
        position = archive.getinfo("archive/data/9").header_offset + 1000
    refused({**GET, "wrong": position}, parts=["CRC"])


@case("slim: a damaged pickle is noticed by its CRC", 3)
def damaged_pickle():
    refused({**GET, "wrong": 700}, parts=[])


@case("slim: cut, stalled and expired, and right in the end", 3)
def interrupted():
    with hub_and_place(REPOSITORIES()) as (hub, place):
        hub.fault({**GET, "cut": 20_000_000, "skip": 2, "times": 2}, {**GET, "after": 1000, "stall": 20, "skip": 4, "times": 1},
                  {**GET, "expire": True, "status": 403, "skip": 5, "times": 1})
        place.run("pull", "--slim", MODEL, HF_HUB_DOWNLOAD_TIMEOUT="1").expect_success()
        path, = stored(place)
        assert read_safetensors(path)[1] == convert(place, checkpoint())[1]
        assert hub.sent() < path.stat().st_size + (2 << 20), hub.sent()
        check_nothing_left(place)


@case("slim: the file is replaced between two requests", 3)
def replaced():
    other = checkpoint(bulk=1)
    with hub_and_place(REPOSITORIES()) as (hub, place):
        hub.fault({**GET, "skip": 1, "times": 1, "change": {"repository": REPOSITORY, "file": FILE, "path": other}})
        outcome = place.run("pull", "--slim", MODEL)
        if outcome.code == 0:
            path, = stored(place)
            assert read_safetensors(path)[1] == convert(place, other)[1]
            assert hub.post("/state")[REPOSITORY]["commit"] in str(path)
        else:
            outcome.expect_failure(REPOSITORY, FILE)
            assert not stored(place)
        check_nothing_left(place)


@case("slim: a server without ranges sends the whole file, and this is said", 3)
def without_ranges():
    with hub_and_place(REPOSITORIES()) as (hub, place):
        hub.fault({**GET, "ignore_range": True, "headers": {"Accept-Ranges": None}})
        outcome = place.run("pull", "--slim", MODEL).expect_success()
        assert "whole" in outcome.errors, outcome.errors
        assert not stored(place)
        assert sha256(place.snapshot(REPOSITORY, FILE)) == hub.files[REPOSITORY]["files"][FILE]["sha256"]
        place.check_layout()


@case("slim: a file that is no archive is fetched whole, and this is said", 3)
def legacy():
    path = "Tests/Goldens/models/dino/valid_base_legacy.pth"
    with hub_and_place({REPOSITORY: {"files": {FILE: {"path": str(ROOT / path), "large": True}}}}) as (hub, place):
        outcome = place.run("pull", "--slim", MODEL).expect_success()
        assert "whole" in outcome.errors, outcome.errors
        assert not stored(place)
        assert place.snapshot(REPOSITORY, FILE)
        place.check_layout()


@case("convert: Python's safetensors reads the same numbers as its zip holds", 3)
def safetensors():
    python = interpreter("safetensors")
    source = str(ROOT / "Tests" / "Goldens" / "models" / "mae" / "eps.pth")
    with Place(None) as place:
        place.run("convert", source, place.home + "/out.safetensors").expect_success()
        code = f"""
import json, numpy, zipfile
from safetensors import safe_open
with safe_open({place.home + "/out.safetensors"!r}, "np") as file, zipfile.ZipFile({source!r}) as archive:
    # Every storage of this file belongs to one tensor, whole and in order.
    stored = {{archive.read(name) for name in archive.namelist() if "/data/" in name}}
    names = list(file.keys())
    assert all(file.get_tensor(name).tobytes() in stored for name in names), "other bytes"
    print(len(names), json.dumps(file.metadata()))
"""
        printed = place.python(python, code)
        assert int(printed.split()[0]) > 10 and "beasts.source" in printed, printed
        return printed.split()[0] + " tensors"


@case("slim: interrupted, nothing is left", 3)
def ended():
    with hub_and_place(REPOSITORIES()) as (hub, place):
        hub.fault({**GET, "rate": 20_000_000})
        running = place.start("pull", "--slim", MODEL)
        time.sleep(1)
        running.process.send_signal(signal.SIGINT)
        outcome = running.end(10)
        assert outcome.code == 130 and "interrupted" in outcome.errors, outcome.errors
        left = [path for path in pathlib.Path(place.home).glob("hf/**/*") if path.is_file()]
        assert not left, left


@case("slim and convert: memory", 3, alone=True)
def memory():
    with hub_and_place(REPOSITORIES()) as (hub, place):
        slim = peak_memory(COMMAND + ["pull", "--slim", MODEL, "--quiet"], place.folder, place.environment)
        convert = peak_memory(COMMAND + ["convert", checkpoint(), place.home + "/out.safetensors", "--quiet"], place.folder,
                              place.environment)
        remark = f"at most {slim / (1 << 20):.1f} and {convert / (1 << 20):.1f} MiB resident"
        assert max(slim, convert) < MEMORY, remark
        return remark


@case("slim: killed at any time, nothing is left and the next one is right", 3)
def killed():
    generator = random.Random(3)
    with hub_and_place(REPOSITORIES()) as (hub, place):
        hub.fault({**GET, "rate": 200_000_000})
        for _ in range(6):
            running = place.start("pull", "--slim", MODEL)
            time.sleep(generator.uniform(0.05, 0.9))
            running.kill()
        place.run("pull", "--slim", MODEL).expect_success()
        path, = stored(place)
        assert read_safetensors(path)[1] == convert(place, checkpoint())[1]
