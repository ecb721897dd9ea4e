# SPDX-License-Identifier: MIT
"""Proof 3: every fault ends right, or in one clear line. Proof 6: the token stays with the hub."""
import os, pathlib

from harness import Hub, Place, case, hub_and_place, sha256

MODEL = "dino_s_vits16"
REPOSITORY, FILE = f"eminorhan/{MODEL}", f"{MODEL}.pth"
SIZE = 3_000_000
REPOSITORIES = {REPOSITORY: {"files": {FILE: {"size": SIZE, "seed": 7}}}}
HALF = SIZE // 2
GET = {"server": "storage", "method": "GET"}
HEAD = {"server": "hub", "method": "HEAD"}


def check_tokens(hub):
    records = hub.log()
    assert records, "nothing was asked"
    for record in records:
        assert not (record["server"] != "hub" and record["authorization"]), f"the token reached {record['server']}"
    assert any(record["server"] == "hub" and record["authorization"] for record in records), "the hub got no token"


def pull(*faults, options=(), once=True, most=SIZE, **environment):
    """Pulls through faults, and expects the right file, not many more bytes than it has, and a cache in order."""
    with hub_and_place(REPOSITORIES) as (hub, place):
        hub.fault(*faults)
        outcome = place.run("pull", MODEL, *options, **environment).expect_success()
        path = place.snapshot(REPOSITORY, FILE)
        assert sha256(path) == hub.files[REPOSITORY]["files"][FILE]["sha256"], "other bytes"
        place.check_layout()
        assert not place.partial_files(), "a partial file is left"
        check_tokens(hub)
        sent = hub.sent()
        assert sent <= most, f"{sent} bytes were sent of a file of {SIZE}"
        assert len([record for record in hub.log() if record["faults"]]) > 0, "no fault took place"
        return outcome, hub.log()


def refuse(*faults, parts=(), code=None, options=("--retries", "0"), repositories=None, **environment):
    """Pulls through faults, and expects one clear line, no blob, and a cache in order."""
    with hub_and_place(repositories or REPOSITORIES) as (hub, place):
        hub.fault(*faults)
        outcome = place.run("pull", MODEL, *options, **environment)
        outcome.expect_failure(REPOSITORY, FILE, *parts)
        if code is not None:
            assert outcome.code == code, f"exit code {outcome.code}, not {code}: {outcome.errors.strip()}"
        assert not place.blobs(), "a blob is there"
        assert not list(pathlib.Path(place.cache).glob("models--*/snapshots/*/*")), "a snapshot is there"
        place.check_layout()
        for record in hub.log():
            assert not (record["server"] != "hub" and record["authorization"]), "the token left the hub"
        return outcome


def add(name, function, *arguments, **options):
    case(name, 3)(lambda: function(*arguments, **options) and None)


for position in (1, HALF, SIZE - 1):
    def resumed(position=position):
        _, log = pull({**GET, "cut": position, "times": 1})
        second = [record for record in log if record["server"] == "storage" and record["method"] == "GET"][1]
        assert second["headers"].get("Range", "").startswith(f"bytes={position}-"), second["headers"]
        assert second["headers"].get("If-Range"), "no If-Range"
        assert second["status"] == 206
    case(f"cut at byte {position}, nothing sent twice", 3)(resumed)

add("cut five times, with progress each time", pull, *[{**GET, "cut": 300_000, "times": 5}])
add("stalled body", pull, {**GET, "after": 1000, "stall": 30, "times": 1}, HF_HUB_DOWNLOAD_TIMEOUT="1")
add("stalled before the first byte", pull, {**GET, "after": 0, "stall": 30, "times": 1}, HF_HUB_DOWNLOAD_TIMEOUT="1")
for status in (408, 500, 502, 503, 504):
    add(f"{status} to the question, once", pull, {**HEAD, "status": status, "times": 1})
    add(f"{status} to the download, once", pull, {**GET, "status": status, "times": 1})
add("200 in place of 206 after a cut", pull, {**GET, "cut": HALF, "times": 1}, {**GET, "ignore_range": True}, most=2 * SIZE)
add("416 on a resume", pull, {**GET, "cut": HALF, "times": 1},
    {**GET, "range": True, "status": 416, "times": 1, "headers": {"Content-Range": f"bytes */{SIZE}"}}, most=2 * SIZE)
add("no ETag from the storage", pull, {**GET, "headers": {"ETag": None}}, {**GET, "cut": HALF, "times": 1}, most=2 * SIZE)
add("the storage's ETag changes after a cut", pull, {**GET, "cut": HALF, "times": 1},
    {**GET, "range": True, "headers": {"ETag": '"another"'}}, most=2 * SIZE)
add("chunks, no length", pull, {**GET, "chunked": True})
add("chunks, cut", pull, {**GET, "chunked": True}, {**GET, "cut": HALF, "times": 1}, most=2 * SIZE)
add("header names in upper case", pull, {"case": "upper"})
add("header names in lower case", pull, {"case": "lower"})
add("signed address expires in the middle", pull, {**GET, "cut": HALF, "times": 1},
    {**GET, "range": True, "expire": True, "status": 403, "times": 1})
add("signed address expires before the first byte", pull, {**GET, "expire": True, "status": 403, "times": 1})
add("wrong byte after a resume: once more from zero", pull, {**GET, "cut": HALF, "times": 1},
    {**GET, "range": True, "wrong": HALF + 10, "times": 1}, most=2 * SIZE)
add("a redirect from the storage to itself", pull,
    {**GET, "redirect": "{storage}{path}", "redirect_status": 302, "times": 1})


def waited(fault, least, most):
    def run():
        outcome, log = pull(fault)
        asked = [record for record in log if record["faults"]]
        after = [record for record in log if record["started"] > asked[0]["ended"] and record["server"] == fault["server"]]
        seconds = after[0]["started"] - asked[0]["ended"]
        assert least <= seconds <= most, f"waited {seconds:.2f} s"
    return run


case("429 with Retry-After in seconds", 3)(waited({**HEAD, "status": 429, "headers": {"Retry-After": "1"}, "times": 1}, 1, 6))
case("429 with Retry-After as a date", 3)(waited({**HEAD, "status": 429, "retry_after_date": 3, "times": 1}, 1.5, 8))
case("429 with a rate limit", 3)(waited({**HEAD, "status": 429, "headers": {"ratelimit": '"api";r=0;t=2'}, "times": 1}, 2, 7))
case("429 to the download", 3)(waited({**GET, "status": 429, "headers": {"Retry-After": "1"}, "times": 1}, 1, 6))


@case("a renamed repository", 3)
def renamed():
    new = {"eminorhan/renamed": REPOSITORIES[REPOSITORY]}
    with hub_and_place(new, renamed={REPOSITORY: "eminorhan/renamed"}) as (hub, place):
        place.run("pull", MODEL).expect_success()
        assert sha256(place.snapshot(REPOSITORY, FILE)) == hub.files["eminorhan/renamed"]["files"][FILE]["sha256"]
        place.check_layout()
        check_tokens(hub)


@case("the file is replaced in the middle", 3)
def replaced():
    with hub_and_place(REPOSITORIES) as (hub, place):
        hub.fault({**GET, "cut": HALF, "times": 1,
                   "change": {"repository": REPOSITORY, "file": FILE, "size": SIZE, "seed": 8}})
        outcome = place.run("pull", MODEL)
        place.check_layout()
        if outcome.code == 0:
            new = hub.post("/state")[REPOSITORY]["files"][FILE]["sha256"]
            assert sha256(place.snapshot(REPOSITORY, FILE)) == new, "neither the old nor the new file"
        else:
            outcome.expect_failure(REPOSITORY, FILE)
            assert not place.blobs()
        place.run("pull", MODEL).expect_success()
        place.check_layout()


@case("wrong bytes of the right length are never cached", 3)
def wrong():
    with hub_and_place(REPOSITORIES) as (hub, place):
        hub.fault({**GET, "wrong": 1_234_567})
        outcome = place.run("pull", MODEL)
        outcome.expect_failure(REPOSITORY, FILE, hub.files[REPOSITORY]["files"][FILE]["sha256"])
        assert outcome.code == 65, outcome.code
        assert not place.blobs() and not place.partial_files(), os.listdir(place.cache)
        place.check_layout()
        hub.fault()
        place.run("pull", MODEL).expect_success()
        place.check_layout()


@case("a short body is never cached", 3)
def short():
    with hub_and_place(REPOSITORIES) as (hub, place):
        hub.fault({**GET, "short": 10})
        place.run("pull", MODEL, "--retries", "1").expect_failure(REPOSITORY, FILE)
        assert not place.blobs()
        place.check_layout()


@case("a small file, checked by git's number", 3)
def small():
    repositories = {REPOSITORY: {"files": {FILE: {"size": 5000, "seed": 3}}}}
    with hub_and_place(repositories) as (hub, place):
        hub.fault({"server": "hub", "method": "GET", "wrong": 17})
        place.run("pull", MODEL).expect_failure(REPOSITORY, FILE)
        assert not place.blobs()
        hub.fault()
        place.run("pull", MODEL).expect_success()
        assert sha256(place.snapshot(REPOSITORY, FILE)) == hub.files[REPOSITORY]["files"][FILE]["sha256"]
        place.check_layout()


@case("a leftover of another program with wrong bytes costs time only", 3)
def leftover():
    with hub_and_place(REPOSITORIES) as (hub, place):
        blobs = pathlib.Path(place.cache) / ("models--" + REPOSITORY.replace("/", "--")) / "blobs"
        blobs.mkdir(parents=True)
        (blobs / (hub.files[REPOSITORY]["files"][FILE]["etag"] + ".incomplete")).write_bytes(b"x" * 1_000_000)
        place.run("pull", MODEL).expect_success()
        assert sha256(place.snapshot(REPOSITORY, FILE)) == hub.files[REPOSITORY]["files"][FILE]["sha256"]
        place.check_layout()


@case("asked for a second time: the hub is asked, no byte is fetched", 3)
def again():
    with hub_and_place(REPOSITORIES) as (hub, place):
        place.run("pull", MODEL).expect_success()
        before = hub.sent()
        place.run("pull", MODEL).expect_success()
        assert hub.sent() == before
        place.run("pull", MODEL, "--force").expect_success()
        assert hub.sent() == before + SIZE
        place.check_layout()


@case("a cached file is used when the hub fails, and this is said", 3)
def stale():
    with hub_and_place(REPOSITORIES) as (hub, place):
        place.run("pull", MODEL).expect_success()
        hub.fault({**HEAD, "status": 500})
        outcome = place.run("pull", MODEL, "--retries", "0").expect_success()
        assert "500" in outcome.errors, outcome.errors
        place.check_layout()


MISSING = {REPOSITORY: {"files": {"other.pth": {"size": 10}}}}
add("no such repository, or a private one", refuse, repositories={"a/b": MISSING[REPOSITORY]},
    parts=["401", "private", "HF_TOKEN"], code=69)
add("a refused token", refuse, {**HEAD, "status": 401, "message": "Invalid credentials in Authorization header"},
    parts=["token", "HF_TOKEN"], code=69)
add("a gated repository", refuse, repositories={REPOSITORY: {**REPOSITORIES[REPOSITORY], "gated": True}},
    parts=["403", "terms"], code=69)
add("a token without the right", refuse, {**HEAD, "status": 403, "message": "no rights for you"},
    parts=["403", "no rights for you"], code=69)
add("no such file", refuse, repositories=MISSING, parts=["404"], code=69)
add("no such revision", refuse, options=("--revision", "nowhere", "--retries", "0"), parts=["404", "nowhere"], code=69)
add("no hub at all", refuse, {**HEAD, "status": 404, "message": ""}, parts=["404", "HF_ENDPOINT"], code=69)
add("500 for ever", refuse, {**HEAD, "status": 500}, parts=["500"], code=69)
add("503 to the download for ever", refuse, {**GET, "status": 503}, parts=["503"], code=69)
add("400", refuse, {**HEAD, "status": 400, "message": "what is this"}, parts=["400", "what is this", "request-1"], code=69)
add("a wait that is too long", refuse, {**HEAD, "status": 429, "headers": {"Retry-After": "4000"}}, options=(),
    parts=["429"], code=69)
add("no commit in the reply", refuse, {**HEAD, "headers": {"X-Repo-Commit": None}}, parts=["HF_ENDPOINT"])
add("no etag in the reply", refuse, {**HEAD, "headers": {"X-Linked-Etag": None, "ETag": None}}, parts=["etag"])
add("a disk that is too small, known before the first byte", refuse,
    {**HEAD, "headers": {"X-Linked-Size": "500000000000000"}}, parts=["500000000000000", "room"], code=74)
add("cut for ever without progress", refuse, {**GET, "cut": 0}, options=("--retries", "1"))


@case("nobody listens", 3)
def refused():
    with Place(None) as place:
        place.run("pull", MODEL, "--retries", "0").expect_failure(REPOSITORY, FILE)
        place.check_layout()


@case("an encrypted hub that is not trusted", 3)
def untrusted():
    with hub_and_place(REPOSITORIES, "--tls") as (hub, place):
        place.run("pull", MODEL).expect_failure(REPOSITORY, FILE, "certificate")
        place.check_layout()


@case("from https to http: refused", 3)
def downgrade():
    with hub_and_place(REPOSITORIES, "--tls") as (hub, place):
        outcome = place.run("pull", MODEL, SSL_CERT_FILE=hub.certificate, CURL_CA_BUNDLE=hub.certificate)
        outcome.expect_failure(REPOSITORY, FILE, "http")
        assert "certificate" not in outcome.errors, outcome.errors
        assert not [record for record in hub.log() if record["server"] == "storage"]
        place.check_layout()


@case("redirects between hub, storage and a third server: the token stays", 6)
def tokens():
    for fault in ({**HEAD, "redirect": "{storage}{path}", "times": 1}, {**GET, "redirect": "{control}{path}", "times": 1},
                  {"server": "hub", "method": "HEAD", "redirect": "http://localhost:1{path}", "times": 1}):
        with hub_and_place(REPOSITORIES) as (hub, place):
            hub.fault(fault)
            place.run("pull", MODEL, "--retries", "0")
            place.check_layout()
            for record in hub.log():
                assert not (record["server"] != "hub" and record["authorization"]), record


@case("no token when none shall be sent unasked", 6)
def implicit():
    with hub_and_place(REPOSITORIES) as (hub, place):
        place.run("pull", MODEL, HF_HUB_DISABLE_IMPLICIT_TOKEN="1").expect_success()
        assert not any(record["authorization"] for record in hub.log())
