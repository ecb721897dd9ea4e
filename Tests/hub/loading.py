# SPDX-License-Identifier: MIT
"""Models by name, from nothing: the first use fetches what it needs, later ones ask nobody."""
import atexit, functools, json, os, shutil, subprocess, tempfile

from checkpoints import TrainingCheckpoint, model_file
from harness import COMMAND, ROOT, case, hub_and_place, sha256

MODEL = "dino_s_vits16"
REPOSITORY, FILE = model_file(MODEL)
PICTURES = str(ROOT / "Examples" / "pictures")


@functools.cache
def checkpoint(model=MODEL, bulk=2):
    """A file of full size in upstream's layout: random numbers, the right names and sizes."""
    folder = tempfile.mkdtemp(prefix="hub-checkpoint-")
    atexit.register(shutil.rmtree, folder, True)
    shown = subprocess.run(COMMAND + ["show", model, "--json"], capture_output=True, text=True, check=True)
    tensors = [(tensor["name"], tensor["shape"]) for tensor in json.loads(shown.stdout)["tensors"]]
    TrainingCheckpoint(f"{folder}/{model}.pth", tensors, bulk=bulk)
    return f"{folder}/{model}.pth"


def embed(place, output, *options, **environment):
    # The sizes of pictures are small, so that the numbers are there quickly.
    return place.run("embed", first_picture(), "-o", place.home + "/" + output, "--size", "64", *options, **environment)


def first_picture():
    return PICTURES + "/" + sorted(name for name in os.listdir(PICTURES) if name.rsplit(".")[-1] in ("png", "jpg", "webp"))[0]


def read(place, name):
    with open(place.home + "/" + name, "rb") as file:
        content = file.read()
    os.remove(place.home + "/" + name)
    for rest in os.listdir(place.home):
        if rest.endswith(".paths.txt"):
            os.remove(place.home + "/" + rest)
    return content


@case("embed --model fetches by itself, once; offline it fetches nothing", 3, alone=True)
def first_use():
    with hub_and_place({REPOSITORY: {"files": {FILE: {"path": checkpoint()}}}}) as (hub, place):
        embed(place, "a.npy", "--model", MODEL, "--offline").expect_failure(REPOSITORY, FILE, "offline")
        outcome = embed(place, "a.npy", "--model", MODEL, HF_HUB_OFFLINE="1")
        outcome.expect_failure(REPOSITORY, FILE, "HF_HUB_OFFLINE")
        assert not hub.log(), "the hub was asked although that was forbidden"
        assert outcome.code == 69, outcome.code
        embed(place, "a.npy", "--model", MODEL).expect_success()
        first = read(place, "a.npy")
        assert len(hub.downloads()) == 1
        asked = len(hub.log())
        embed(place, "a.npy", "--model", MODEL).expect_success()
        assert read(place, "a.npy") == first
        assert len(hub.log()) == asked, "the second use asked the hub"
        embed(place, "a.npy", "--model", MODEL, "--offline").expect_success()
        assert read(place, "a.npy") == first
        embed(place, "a.npy", "--model", MODEL, "--weights", checkpoint()).expect_success()
        assert read(place, "a.npy") == first, "other numbers than from the file itself"
        listed = place.run("list", "--json").expect_success().output
        assert MODEL in listed
        place.check_layout()
