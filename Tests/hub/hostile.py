# SPDX-License-Identifier: MIT
"""Proof 7: a hub that means harm is refused, and nothing is written outside the cache."""
import pathlib

from faults import FILE, GET, HEAD, MODEL, REPOSITORIES, REPOSITORY, refuse
from harness import case, hub_and_place, sha256

CLIMBING = ["../x", "..", "../../../../../../../../tmp/beasts-was-here", "/tmp/beasts-was-here", "a/b", ".hidden",
            "a\\b", "x" * 200, "%2e%2e%2fx", "a b", "\"", "caf\u00e9"]


def add(name, *faults, **options):
    case(name, 7)(lambda: refuse(*faults, **options) and None)


for number, etag in enumerate(CLIMBING):
    add(f"etag {etag[:40]!r}", {**HEAD, "headers": {"X-Linked-Etag": f'"{etag}"'}})
for commit in ("../x", "main", "0" * 39, "0" * 41, "G" * 40, "A" * 40, "/" + "0" * 39, "../" + "0" * 37):
    add(f"commit {commit!r}", {**HEAD, "headers": {"X-Repo-Commit": commit}})
for size in ("-1", "-9223372036854775808", "9223372036854775808", "1" + "0" * 30, "5000000000000000000", "3e6", "0x10", "", "1 2"):
    add(f"size {size!r}", {**HEAD, "headers": {"X-Linked-Size": size, "Content-Length": "0"}})


def lied(*faults):
    """Ends with the right file in spite of a lie, or is refused."""
    with hub_and_place(REPOSITORIES) as (hub, place):
        hub.fault(*faults)
        outcome = place.run("pull", MODEL, "--retries", "1")
        if outcome.code == 0:
            assert sha256(place.snapshot(REPOSITORY, FILE)) == hub.files[REPOSITORY]["files"][FILE]["sha256"]
        else:
            outcome.expect_failure(REPOSITORY, FILE)
            assert not place.blobs()
        place.check_layout()


for size in ("-5", "99999999999999999999999", "abc", "9223372036854775807"):
    case(f"length {size!r} of the body", 7)(
        lambda size=size: lied({**GET, "headers": {"Content-Length": size}}))
for text in ("bytes 0-1/99999999999999999999999999", "bytes -5-10/3000000", "nonsense", "bytes 100-200/3000000"):
    case(f"Content-Range {text!r}", 7)(lambda text=text: lied(
        {**GET, "cut": 1_000_000, "times": 1}, {**GET, "range": True, "headers": {"Content-Range": text}}))
add("a redirect to itself for ever", {**HEAD, "redirect": "loop"})
add("a redirect of the download to itself for ever", {**GET, "redirect": "loop"})
add("a longer and longer redirect", {**HEAD, "redirect": "{path}/{path}"})
add("a redirect to a file", {**HEAD, "redirect": "file:///etc/passwd"})
add("a redirect to a file, of the download", {**GET, "redirect": "file:///etc/passwd", "redirect_status": 302})
add("a redirect to another protocol", {**GET, "redirect": "gopher://127.0.0.1:1/x", "redirect_status": 302})
add("a redirect to nowhere", {**HEAD, "redirect": ""})
add("headers without end", {**HEAD, "bomb": 5000})
add("headers without end, of the download", {**GET, "bomb": 5000})
add("a long status text", {**HEAD, "status": 404, "message": "\x1b[31mred\x07" + "m" * 5000})


@case("a body larger than was announced", 7)
def longer():
    with hub_and_place(REPOSITORIES) as (hub, place):
        hub.fault({**HEAD, "headers": {"X-Linked-Size": "1000"}})
        place.run("pull", MODEL, "--retries", "0").expect_failure(REPOSITORY, FILE)
        assert not place.blobs()
        place.check_layout()
        largest = max([path.stat().st_size for path in place.partial_files()], default=0)
        assert largest <= 2 << 20, f"{largest} bytes were kept"


for revision in ("../../x", "..", "/etc", "a/../b", "\\..\\x", "C:x", "a//b", ""):
    def climbing(revision=revision):
        with hub_and_place(REPOSITORIES) as (hub, place):
            outcome = place.run("pull", MODEL, "--revision", revision)
            assert 0 < outcome.code < 128 and outcome.errors.startswith("beasts: "), outcome.errors
            assert not hub.log(), "the hub was asked"
            place.check_layout()
    case(f"revision {revision!r} never reaches the hub", 7)(climbing)


@case("links that lead out of the cache are not followed by rm", 7)
def links():
    with hub_and_place(REPOSITORIES) as (hub, place):
        place.run("pull", MODEL).expect_success()
        outside = pathlib.Path(place.home) / "hf" / "beasts"
        outside.mkdir(exist_ok=True)
        (outside / "precious").write_text("keep me")
        repository = pathlib.Path(place.cache) / ("models--" + REPOSITORY.replace("/", "--"))
        snapshot = next((repository / "snapshots").iterdir())
        (snapshot / "way-out").symlink_to(outside)
        (snapshot / "file-out").symlink_to(outside / "precious")
        place.run("rm", MODEL)
        assert (outside / "precious").read_text() == "keep me"
