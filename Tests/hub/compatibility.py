# SPDX-License-Identifier: MIT
"""Proof 1: one cache for us and three versions of Python's huggingface_hub. Proof 6: offline means offline."""
import functools, json, os, subprocess, sys, threading

from harness import COMMAND, Hub, Place, Running, Skip, case, sha256

VERSIONS = ["0.13.4", "0.36.0", "newest"]
OURS = "ours"
MODELS = ["say_gimel", "s_gimel"]
REPOSITORY = "eminorhan/gpt_saycam"
LARGE = "gpt_pretrained_models/say_gimel.pt"
# Two configurations with the same content have one etag.
FILES = {LARGE: {"size": 2_500_000, "seed": 1}, "gpt_pretrained_models/s_gimel.pt": {"size": 300, "seed": 2},
         "vqgan_pretrained_models/say_32x32_8192.ckpt": {"size": 1_200_000, "seed": 3},
         "vqgan_pretrained_models/s_32x32_8192.ckpt": {"size": 40, "seed": 4},
         "vqgan_pretrained_models/say_32x32_8192.yaml": {"size": 700, "seed": 5},
         "vqgan_pretrained_models/s_32x32_8192.yaml": {"size": 700, "seed": 5}}
REPOSITORIES = {REPOSITORY: {"files": FILES}}
installing = threading.Lock()


@functools.cache
def install(version):
    """The Python of a virtual environment that has one version of huggingface_hub; kept for the next run."""
    cache = os.environ.get("BEASTS_HUB_ENVIRONMENTS",
                           os.path.join(os.path.expanduser("~"), ".cache", "beasts-hub-proofs"))
    folder = os.path.join(cache, version)
    python = folder + "/bin/python"
    module, wanted = "huggingface_hub", ["huggingface_hub" + ("" if version == "newest" else "==" + version)]
    if version == "safetensors":
        module, wanted = "safetensors.numpy", ["safetensors", "numpy"]
    is_there = os.path.exists(python) and not subprocess.run([python, "-c", f"import {module}"], capture_output=True).returncode
    if not is_there:
        os.makedirs(cache, exist_ok=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True, capture_output=True)
        try:
            result = subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1",
                                     "--timeout", "15", *wanted],
                                    capture_output=True, text=True, timeout=400)
        except subprocess.TimeoutExpired:
            return None, f"{wanted[0]} could not be installed from the Python package index within 400 s"
        if result.returncode:
            last = (result.stderr.strip().splitlines() or ["no reason given"])[-1]
            return None, f"{wanted[0]} could not be installed from the Python package index: {last}"
    return python, None


def interpreter(version):
    with installing:
        python, reason = install(version)
    if python is None:
        raise Skip(reason)
    return python


def fetch(who, place):
    """Brings all files into the cache; returns the path of each."""
    if who == OURS:
        place.run("pull", *MODELS).expect_success()
        return {file: place.snapshot(REPOSITORY, file) for file in FILES}
    code = f"import json, huggingface_hub as h; print(json.dumps({{f: h.hf_hub_download({REPOSITORY!r}, f) for f in {list(FILES)!r}}}))"
    return json.loads(place.python(interpreter(who), code).splitlines()[-1])


def find(who, place, reader=None, writer=OURS):
    """Where a program finds all files without asking the hub."""
    if who == OURS:
        outcome = place.run("pull", *MODELS, "--json", HF_HUB_OFFLINE="1", HF_ENDPOINT="http://127.0.0.1:9").expect_success()
        # Every path of the result, wherever it stands in it.
        found = {}

        def walk(value):
            if isinstance(value, dict):
                for inner in value.values():
                    walk(inner)
            elif isinstance(value, list):
                for inner in value:
                    walk(inner)
            elif isinstance(value, str):
                for file in FILES:
                    if value.startswith("/") and value.endswith("/" + file):
                        found[file] = value
        text = outcome.output.strip()
        try:
            walk(json.loads(text))
        except json.JSONDecodeError:
            for line in text.splitlines():
                walk(json.loads(line))
        return found
    known = ([".locks"] if who == "0.13.4" else []) + (["CACHEDIR.TAG"] if writer == "newest" else [])
    code = f"""
import json, huggingface_hub as h
paths = {{f: h.hf_hub_download({REPOSITORY!r}, f, local_files_only=True) for f in {list(FILES)!r}}}
tried = {{f: h.try_to_load_from_cache({REPOSITORY!r}, f) for f in {list(FILES)!r}}}
assert tried == paths, (tried, paths)
info = h.scan_cache_dir()
# What the newer clients write themselves, older ones do not know: locks in a folder of their own, and a mark for backups.
known = {known!r}
assert not [w for w in info.warnings if not str(w).endswith(tuple(known))], info.warnings
repo, = info.repos
assert repo.repo_id == {REPOSITORY!r}, repo.repo_id
revision, = repo.revisions
assert len(revision.files) == {len(FILES)}, revision.files
assert repo.size_on_disk == {sum(f['size'] for f in FILES.values()) - 700}, repo.size_on_disk
print(json.dumps(paths))
"""
    command = reader or []
    if command:
        process = subprocess.run(command + [interpreter(who), "-c", code], cwd=place.folder, capture_output=True, text=True,
                                 env={**place.environment, "HF_HUB_OFFLINE": "1"}, timeout=100)
        assert process.returncode == 0, process.stderr[-1000:]
        return json.loads(process.stdout.splitlines()[-1])
    return json.loads(place.python(interpreter(who), code, HF_HUB_OFFLINE="1").splitlines()[-1])


def pair(writer, reader):
    def run():
        # 0.13.4 knows no endpoint-relative names of storage servers it should trust; it needs no token here.
        with Hub(REPOSITORIES) as hub, Place(hub) as place:
            written = fetch(writer, place)
            requests = len(hub.log())
            found = find(reader, place, writer=writer)
            assert len(hub.log()) == requests, "the hub was asked"
            missing = set(FILES) - set(found)
            assert not missing, f"not found: {sorted(missing)}"
            for file in FILES:
                assert os.path.samefile(written[file], found[file]) and written[file].endswith(found[file][-60:]), file
                assert sha256(found[file]) == hub.files[REPOSITORY]["files"][file]["sha256"], file
            if writer == OURS:
                place.check_layout()
                assert len(place.blobs()) == len(FILES) - 1, "two names with one etag share a blob"
    return run


for writer in VERSIONS + [OURS]:
    for reader in VERSIONS + [OURS]:
        if writer in VERSIONS and reader in VERSIONS:
            # What Python's versions do for one another says whether the fake hub is a fair judge.
            case(f"{writer} writes, {reader} reads", 1, full=True)(pair(writer, reader))
        else:
            case(f"{writer} writes, {reader} reads", 1)(pair(writer, reader))


def mixed(first, second):
    def run():
        with Hub(REPOSITORIES) as hub, Place(hub) as place:
            fetch(first, place)
            sent = hub.sent()
            fetch(second, place)
            # 0.13.4 names blobs otherwise and cannot find those of large files, nor have its own found by name.
            assert "0.13.4" in (first, second) or hub.sent() == sent, "large files were fetched again"
            for file, path in fetch(second, place).items():
                assert sha256(path) == hub.files[REPOSITORY]["files"][file]["sha256"], file
    return run


for version in VERSIONS:
    case(f"{version} after us: nothing is fetched twice", 1)(mixed(OURS, version))
    case(f"we after {version}: nothing is fetched twice", 1)(mixed(version, OURS))


@case("the file is found with the network taken away", 6)
def unshared():
    permitted = subprocess.run(["unshare", "-n", "true"], capture_output=True, text=True)
    command = ["unshare", "-n"]
    if permitted.returncode:
        command = ["unshare", "-rn"]
        permitted = subprocess.run(command + ["true"], capture_output=True, text=True)
    if permitted.returncode:
        raise Skip(f"network namespaces are not permitted here: {permitted.stderr.strip()}")
    with Hub(REPOSITORIES) as hub, Place(hub) as place:
        fetch(OURS, place)
        assert set(find("newest", place, command)) == set(FILES)
        outcome = Running(command + COMMAND + ["pull", *MODELS], place.folder,
                          {**place.environment, "HF_HUB_OFFLINE": "1"}).end().expect_success()
        return f"{' '.join(command)}: both find it"


@case("hf cache ls shows our repositories", 1)
def listing():
    with Hub(REPOSITORIES) as hub, Place(hub) as place:
        fetch(OURS, place)
        program = os.path.join(os.path.dirname(interpreter("newest")), "hf")
        process = subprocess.run([program, "cache", "ls"], env=place.environment, capture_output=True, text=True)
        assert process.returncode == 0 and REPOSITORY in process.stdout, process.stdout + process.stderr
