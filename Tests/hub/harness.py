# SPDX-License-Identifier: MIT
"""What the proofs share: a fake hub, the program under test in an environment of its own, and the list of cases."""
import concurrent.futures, contextlib, hashlib, json, os, pathlib, shutil, signal, subprocess, sys, tempfile, time
import traceback, urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
SECRET = "hf_secretSecretSecret"
COMMAND = ["beasts"]


class Skip(Exception):
    """A case that cannot run here; says why."""


class Hub:
    """The servers of Tests/Tools/fake_hub.py."""

    def __init__(self, repositories, *options, **more):
        if "--tls" in options and not shutil.which("openssl"):
            raise Skip("the openssl program, which makes the certificate, is not installed")
        self.folder = tempfile.mkdtemp(prefix="hub-proof-")
        description = os.path.join(self.folder, "description.json")
        with open(description, "w") as file:
            json.dump({"repositories": repositories, **more}, file)
        program = ROOT / "Tests" / "Tools" / "fake_hub.py"
        self.process = subprocess.Popen([sys.executable, "-B", program, *options, description], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        addresses = json.loads(self.process.stdout.readline())
        self.hub, self.storage, self.control = (addresses[name] for name in ("hub", "storage", "control"))
        self.certificate = addresses.get("certificate")
        self.files = self.post("/state")

    def post(self, path, value=None):
        request = urllib.request.Request(self.control + path, json.dumps(value).encode(), method="POST")
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as reply:
            return json.load(reply)

    def fault(self, *faults):
        self.post("/faults", list(faults))

    def log(self):
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(self.control + "/log") as reply:
            return json.load(reply)

    def sent(self, server="storage"):
        """The bytes of bodies that one server let out."""
        return sum(record["sent"] for record in self.log() if record["server"] == server)

    def downloads(self):
        """The replies of the storage that carried bytes."""
        return [record for record in self.log() if record["server"] == "storage" and record["method"] == "GET"
                and record["sent"] > 0]

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *arguments):
        self.close()


class Place:
    """A home folder with a cache in it, and nothing else: whatever a program writes can be found there."""

    def __init__(self, hub):
        self.folder = tempfile.mkdtemp(prefix="hub-place-")
        self.home, self.cache = self.folder + "/home", self.folder + "/home/hf/hub"
        os.mkdir(self.home)
        self.environment = {"PATH": os.environ["PATH"], "HOME": self.home, "HF_HOME": self.home + "/hf", "TMPDIR": self.folder,
                            "HF_ENDPOINT": hub.hub if hub else "http://127.0.0.1:9", "HF_HUB_DISABLE_TELEMETRY": "1",
                            "HF_HUB_DOWNLOAD_TIMEOUT": "2", "HF_HUB_ETAG_TIMEOUT": "2", "HF_TOKEN": SECRET,
                            "PYTHONDONTWRITEBYTECODE": "1", "NO_COLOR": "1"}
        for name in ("LD_LIBRARY_PATH", "BEASTS_BACKEND_PATH"):
            if name in os.environ:
                self.environment[name] = os.environ[name]

    def run(self, *arguments, timeout=100, **environment):
        return self.start(*arguments, **environment).end(timeout)

    def start(self, *arguments, **environment):
        return Running(COMMAND + list(arguments), self.folder, {**self.environment, **environment})

    def python(self, interpreter, code, **environment):
        """Runs Python code with the same settings; returns what it printed."""
        process = subprocess.run([interpreter, "-c", code], env={**self.environment, **environment}, cwd=self.folder,
                                 capture_output=True, text=True, timeout=100)
        assert process.returncode == 0, process.stderr[-2000:]
        return process.stdout.strip()

    def blobs(self):
        """The finished blobs of all repositories."""
        return [path for path in pathlib.Path(self.cache).glob("models--*/blobs/*") if ".incomplete" not in path.name
                and not path.name.endswith(".lock")]

    def partial_files(self):
        return list(pathlib.Path(self.cache).glob("models--*/blobs/*.incomplete"))

    def snapshot(self, repository, file):
        """The one path of a file below snapshots/."""
        folder = pathlib.Path(self.cache) / ("models--" + repository.replace("/", "--"))
        found = list(folder.glob("snapshots/*/" + file))
        assert len(found) == 1, f"{len(found)} snapshots of {file} in {folder}"
        return str(found[0])

    def check_layout(self):
        """Nothing lies where nothing belongs, and every blob is what its name says."""
        assert sorted(os.listdir(self.folder)) == ["home"], os.listdir(self.folder)
        assert set(os.listdir(self.home)) <= {"hf"}, os.listdir(self.home)
        top = set(os.listdir(self.home + "/hf")) if os.path.exists(self.home + "/hf") else set()
        assert top <= {"hub", "beasts"}, top
        cache = pathlib.Path(self.cache)
        for path in cache.iterdir() if cache.exists() else []:
            known = path.name in (".locks", "CACHEDIR.TAG", "version.txt") or path.name.startswith("models--")
            assert known, f"{path} does not belong into a cache"
            if path.name.startswith("models--"):
                inside = set(os.listdir(path))
                assert inside <= {"blobs", "refs", "snapshots", ".no_exist", "trees"}, inside
                for link in path.glob("snapshots/**/*"):
                    if link.is_symlink():
                        assert link.resolve().parent == (path / "blobs").resolve(), f"{link} leads to {link.resolve()}"
        for blob in self.blobs():
            assert digest_fits(blob), f"{blob} is not what its name says"

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *arguments):
        self.close()


class Running:
    """A program at work."""

    def __init__(self, command, folder, environment):
        self.started = time.monotonic()
        self.process = subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def end(self, timeout=100):
        try:
            self.output, self.errors = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise AssertionError(f"did not end within {timeout} s")
        self.seconds = time.monotonic() - self.started
        self.code = self.process.returncode
        assert SECRET not in self.output + self.errors, "the token was printed"
        return self

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()

    def expect_success(self):
        assert self.code == 0, f"exit code {self.code}: {self.errors.strip()[-800:]}"
        return self

    def expect_failure(self, *parts):
        """One line that begins with the program's name and holds all parts; an exit code that is no crash."""
        assert 0 < self.code < 128, f"exit code {self.code}: {self.errors.strip()[-800:]}"
        lines = [line for line in self.errors.splitlines() if line.startswith("beasts: ")]
        assert len(lines) == 1, f"{len(lines)} lines of error: {self.errors.strip()[-800:]}"
        for part in parts:
            assert part.lower() in lines[0].lower(), f"'{part}' is not in: {lines[0]}"
        assert all(character.isprintable() for character in lines[0]), f"control characters in {lines[0]!r}"
        return self


def digest_fits(path):
    """Whether a blob's bytes have the digest that its name is."""
    content = pathlib.Path(path)
    if len(content.name) == 64:
        return sha256(path) == content.name
    bytes = content.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(bytes) + bytes).hexdigest() == content.name


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


CASES = []


def case(name, proof, full=False, alone=False):
    """Makes a function a case of a proof. Cases that measure time or need the machine run alone."""
    def register(function):
        CASES.append((name, proof, full, alone, function))
        return function
    return register


def run_cases(proofs, full, filter):
    """Runs them and prints a line each; returns how many passed, failed and were skipped."""
    chosen = [entry for entry in CASES if (full or not entry[2]) and (not proofs or str(entry[1]) in proofs)
              and filter in entry[0]]
    counts = {"passed": 0, "FAILED": 0, "skipped": 0}

    def run(entry):
        name, proof, _, _, function = entry
        started = time.monotonic()
        try:
            word, remark = "passed", function() or ""
        except Skip as reason:
            word, remark = "skipped", str(reason)
        except Exception as error:
            word, remark = "FAILED", str(error) or repr(error)
            if not isinstance(error, AssertionError):
                remark += "\n" + traceback.format_exc()
        counts[word] += 1
        print(f"{word} proof {proof}: {name} ({time.monotonic() - started:.1f} s)" + (f": {remark}" if remark else ""),
              flush=True)

    # Most of them wait most of the time: for time limits, and for retries.
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        list(pool.map(run, [entry for entry in chosen if not entry[3]]))
    for entry in chosen:
        if entry[3]:
            run(entry)
    return counts


@contextlib.contextmanager
def hub_and_place(repositories, *options, **more):
    with Hub(repositories, *options, **more) as hub, Place(hub) as place:
        yield hub, place
