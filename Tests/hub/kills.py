# SPDX-License-Identifier: MIT
"""Proof 2: killed at random moments, again and again. Proof 4: several at once, one download."""
import random, threading, time

from compatibility import interpreter
from faults import FILE, MODEL, REPOSITORY
from harness import Hub, Place, case, digest_fits, hub_and_place, sha256

MIB = 1 << 20


class Watcher(threading.Thread):
    """Looks at the blobs all the time; whatever is visible must be whole."""

    def __init__(self, place, size):
        super().__init__(daemon=True)
        self.place, self.size, self.faults, self.looks, self.is_over = place, size, [], 0, False
        self.start()

    def run(self):
        known = set()
        while not self.is_over:
            for blob in self.place.blobs():
                if blob in known:
                    continue
                known.add(blob)
                size = blob.stat().st_size
                if size != self.size or not digest_fits(blob):
                    self.faults.append(f"{blob.name} was visible with {size} bytes")
            self.looks += 1
            time.sleep(0.002)

    def end(self):
        self.is_over = True
        self.join()
        assert not self.faults, self.faults[0]


def killed(size, kills, rate, longest, seed):
    repositories = {REPOSITORY: {"files": {FILE: {"size": size, "seed": seed}}}}
    generator = random.Random(seed)
    with hub_and_place(repositories) as (hub, place):
        hub.fault({"server": "storage", "rate": rate})
        watcher = Watcher(place, size)
        inside = 0
        for _ in range(kills):
            running = place.start("pull", MODEL)
            time.sleep(generator.uniform(0.03, longest))
            inside += running.process.poll() is None
            running.kill()
        place.run("pull", MODEL, timeout=300).expect_success()
        watcher.end()
        assert sha256(place.snapshot(REPOSITORY, FILE)) == hub.files[REPOSITORY]["files"][FILE]["sha256"]
        place.check_layout()
        assert not place.partial_files(), "partial files are left"
        # The log is written when a connection ends: the last of a killed program may still be on its way.
        time.sleep(0.3)
        downloads = sorted(hub.downloads(), key=lambda record: record["started"])
        reached, twice, worst = 0, 0, 0
        for record in downloads:
            start = int(record["headers"].get("Range", "bytes=0-").removeprefix("bytes=").split("-")[0])
            worst = max(worst, reached - start)
            twice += max(0, reached - start)
            reached = start + record["sent"]
        sent = sum(record["sent"] for record in downloads)
        assert worst <= MIB, f"{worst} bytes were sent twice after one kill"
        assert sent <= size + kills * MIB, f"{sent} bytes were sent of {size}"
        assert inside >= kills * 2 // 3, f"only {inside} of {kills} kills hit a program at work"
        return (f"{inside} kills inside, {len(downloads)} downloads, {sent - size} bytes beyond the {size} of the file, at "
                f"most {worst} after one kill, {watcher.looks} looks at the blobs")


@case("12 kills of a download of 12 MB", 2)
def short():
    # Slow, since what a program without a processor has not read yet counts as sent.
    return killed(12_000_000, 12, 4_000_000, 0.4, 11)


@case("50 kills of a download of 200 MB", 2, full=True, alone=True)
def long():
    return killed(200_000_000, 50, 10_000_000, 0.8, 12)


def killed_at_the_end(rounds):
    """A small file at full speed, a new cache each time: many kills hit the sync, the rename, the link, the reference."""
    repositories = {REPOSITORY: {"files": {FILE: {"size": 12_000_000, "seed": 5}}}}
    generator = random.Random(5)
    inside = 0
    with Hub(repositories) as hub:
        wholes = []
        for _ in range(3):
            with Place(hub) as place:
                wholes.append(place.run("pull", MODEL).expect_success().seconds)
        for _ in range(rounds):
            with Place(hub) as place:
                running = place.start("pull", MODEL)
                time.sleep(generator.uniform(0.3, 1) * min(wholes))
                inside += running.process.poll() is None
                running.kill()
                place.check_layout()
                place.run("pull", MODEL).expect_success()
                assert sha256(place.snapshot(REPOSITORY, FILE)) == hub.files[REPOSITORY]["files"][FILE]["sha256"]
                place.check_layout()
    return f"{inside} of {rounds} kills before the end"


@case("12 kills near the end", 2)
def end():
    return killed_at_the_end(12)


@case("60 kills near the end", 2, full=True)
def many_ends():
    return killed_at_the_end(60)


@case("interrupted: what has come stays, and the way on is said", 2)
def interrupted():
    import signal
    repositories = {REPOSITORY: {"files": {FILE: {"size": 20_000_000, "seed": 5}}}}
    with hub_and_place(repositories) as (hub, place):
        hub.fault({"server": "storage", "rate": 10_000_000})
        running = place.start("pull", MODEL)
        time.sleep(0.8)
        running.process.send_signal(signal.SIGINT)
        outcome = running.end(10)
        assert outcome.code == 130, f"exit code {outcome.code}: {outcome.errors}"
        assert "kept" in outcome.errors and "goes on" in outcome.errors, outcome.errors
        assert place.partial_files() and not place.blobs()
        place.run("pull", MODEL).expect_success()
        time.sleep(0.2)
        assert hub.sent() <= 20_000_000 + MIB, hub.sent()
        place.check_layout()


def together(starts):
    """Starts programs at once on one cache; expects one download and one blob."""
    repositories = {REPOSITORY: {"files": {FILE: {"size": 12_000_000, "seed": 9}}}}
    with hub_and_place(repositories) as (hub, place):
        hub.fault({"server": "storage", "rate": 4_000_000})
        running = [start(place) for start in starts]
        paths = [program.end(90).expect_success() for program in running]
        assert len(paths) == len(starts)
        downloads = [record for record in hub.log() if record["server"] == "storage" and record["method"] == "GET"]
        assert len(downloads) == 1, f"{len(downloads)} downloads"
        assert len(place.blobs()) == 1
        assert sha256(place.snapshot(REPOSITORY, FILE)) == hub.files[REPOSITORY]["files"][FILE]["sha256"]
        place.check_layout()


def ours(place):
    return place.start("pull", MODEL)


def pythons(version):
    def start(place):
        from harness import Running
        code = f"import huggingface_hub as h; print(h.hf_hub_download({REPOSITORY!r}, {FILE!r}))"
        return Running([interpreter(version), "-c", code], place.folder, place.environment)
    return start


@case("three of us at once: one download", 4)
def three():
    together([ours, ours, ours])


for version in ("0.36.0", "newest"):
    case(f"two of us and huggingface_hub {version} at once: one download", 4)(
        lambda version=version: together([ours, pythons(version), ours]))
    case(f"huggingface_hub {version} first, two of us: one download", 4)(
        lambda version=version: together([pythons(version), lambda place: time.sleep(1.5) or ours(place), ours]))
