#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A model hub on loopback that fails on demand, for tests. Python's standard library only.

    fake_hub.py [--log FILE] [--tls] [DESCRIPTION.json] [OWNER/NAME=FOLDER ...]

Three servers, each on a port of its own, so that each is an origin of its own: the hub, which answers `resolve`
addresses and sends large files elsewhere with a signed address; the storage, which serves those; and the control. One
JSON line on standard output says where they are; the log has one JSON line a request, written before the connection
closes. It ends when its standard input ends (or on SIGTERM).

The description:

    {"repositories": {"owner/name": {
        "commit": "40 hex digits" (default: derived from the content), "revisions": {"main": COMMIT},
        "token": "needed to read it", "gated": true,
        "files": {"folder/file.pth": {
            "path": "FILE"            its bytes, or
            "size": N, "seed": S      N bytes made of a seed, or
            "size": N, "sparse": true N zeros that take no disk space; then
            "large": true}}}},        on the storage, named by sha256 (default: from 1 MiB on)
     "renamed": {"old/name": "owner/name"}}

Control, all JSON: POST /faults replaces the faults by a list, POST /change {repository, file, path | size + seed} replaces
a file's content, POST /expire makes every signed address given so far invalid, GET /log returns all records, POST /clear
forgets faults and records.

A fault is an object. It applies to requests that fit its "server" (hub, storage), "method", "file" (the end of the
path) and "range" (true: only with a Range, false: only without), the first "skip" of them left out, for "times" of
them (default: always). Faults that fit together act together:

    "cut": N               the connection is shut down after N bytes of the body
    "stall": S, "after": N silence for S seconds after N bytes, then the connection is shut down
    "rate": R              R bytes a second
    "status": N            an error reply instead, with "message", "code" (X-Error-Code)
    "headers": {...}       replaces headers, adds them, or leaves them out (null)
    "retry_after_date": S  Retry-After as a date in S seconds
    "wrong": N             byte N of the file is another one
    "short": N             the reply is whole by its own headers, and N bytes shorter than the file
    "ignore_range": true   200 with everything
    "chunked": true        no length, chunks
    "redirect": ADDRESS    "loop": to itself; "{storage}", "{hub}", "{path}" and "{revision_path}" are filled in
    "bomb": N              N headers of 1000 bytes
    "case": "upper"        or "lower": of header names
    "expire": true         403 as for a signed address that is too old, and all given so far are
    "change": {...}        as POST /change, for what is asked after this request
"""
import email.utils, hashlib, http.client, http.server, json, os, random, select, shutil, socket, ssl, subprocess, sys, tempfile
import threading, time, urllib.parse

PIECE = 1 << 20


class Content:
    """The bytes of one file and what the hub says of them."""

    def __init__(self, description, scratch):
        self.path = description.get("path")
        if self.path is None:
            descriptor, self.path = tempfile.mkstemp(dir=scratch)
            with os.fdopen(descriptor, "wb") as file:
                size = description["size"]
                if description.get("sparse"):
                    file.truncate(size)
                else:
                    generator = random.Random(description.get("seed", 0))
                    for start in range(0, size, PIECE):
                        file.write(generator.randbytes(min(PIECE, size - start)))
        self.size = os.path.getsize(self.path)
        self.large = description.get("large", self.size >= PIECE)
        sha256, blob = hashlib.sha256(), hashlib.sha1(b"blob %d\0" % self.size)
        with open(self.path, "rb") as file:
            while piece := file.read(PIECE):
                sha256.update(piece)
                if not self.large:
                    blob.update(piece)
        self.sha256 = sha256.hexdigest()
        self.etag = self.sha256 if self.large else blob.hexdigest()


class State:
    """What the servers share. One lock for all of it."""

    def __init__(self, description, log):
        self.lock = threading.Lock()
        self.scratch = tempfile.mkdtemp(prefix="fake-hub-")
        self.repositories, self.renamed = {}, description.get("renamed", {})
        self.log, self.records, self.faults, self.active = log, [], [], 0
        self.signature = self.first_valid_signature = 1
        for name, repository in description.get("repositories", {}).items():
            files = {file: Content(content, self.scratch) for file, content in repository["files"].items()}
            self.repositories[name] = dict(repository, files=files)
            self.set_commit(repository.get("commit"), name)

    def set_commit(self, commit, name):
        repository = self.repositories[name]
        state = "".join(sorted(file + content.etag for file, content in repository["files"].items()))
        repository["commit"] = commit or hashlib.sha1(state.encode()).hexdigest()
        repository.setdefault("revisions", {})["main"] = repository["commit"]

    def change(self, change):
        content = change.pop("content", None) or Content(change, self.scratch)
        with self.lock:
            self.repositories[change["repository"]]["files"][change["file"]] = content
            self.set_commit(None, change["repository"])

    def faults_of(self, server, method, path, has_range):
        """One dictionary of all that befalls a request."""
        together = {}
        with self.lock:
            for fault in self.faults:
                if fault.get("server", server) != server or fault.get("method", method) != method:
                    continue
                if not path.endswith(fault.get("file", "")) or fault.get("range", has_range) != has_range:
                    continue
                if fault.get("skip", 0) > 0:
                    fault["skip"] -= 1
                elif fault.get("times", 1) > 0:
                    if "times" in fault:
                        fault["times"] -= 1
                    headers = {**together.get("headers", {}), **fault.get("headers", {})}
                    together.update(fault, headers=headers)
        return together

    def record(self, record):
        with self.lock:
            self.active -= 1
            self.records.append(record)
            if self.log:
                self.log.write(json.dumps(record) + "\n")
                self.log.flush()


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, name, handler, state):
        self.name, self.state, self.scheme, self.others = name, state, "http", {}
        super().__init__(("127.0.0.1", 0), handler)

    @property
    def address(self):
        return f"{self.scheme}://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class Handler(http.server.BaseHTTPRequestHandler):
    """What hub and storage have in common: logging, faults, sending a body."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        state, address = self.server.state, urllib.parse.urlsplit(self.path)
        self.route = urllib.parse.unquote(address.path)
        self.fault = state.faults_of(self.server.name, self.command, self.route, "Range" in self.headers)
        self.sent, self.status, self.has_changed = 0, None, False
        started = time.time()
        with state.lock:
            state.active += 1
        try:
            if self.fault.get("expire"):
                with state.lock:
                    state.first_valid_signature = state.signature + 1
            if "redirect" in self.fault:
                self.redirect_elsewhere()
            elif "status" in self.fault:
                self.refuse(self.fault["status"], self.fault.get("message", "a fault on demand"), self.fault.get("code"))
            else:
                self.answer(urllib.parse.parse_qs(address.query))
        except OSError:
            self.close_connection = True
        finally:
            self.change()
            names = ["Range", "If-Range", "Accept-Encoding", "User-Agent"]
            state.record({
                "started": started, "ended": time.time(), "server": self.server.name, "method": self.command,
                "path": self.path, "headers": {name: self.headers[name] for name in names if name in self.headers},
                "authorization": "Authorization" in self.headers, "status": self.status, "sent": self.sent,
                "faults": sorted(set(self.fault) - {"server", "method", "file", "range", "skip", "times", "headers"}
                                 | set(self.fault.get("headers", {})))})

    do_HEAD = do_GET

    def change(self):
        """Replaces the content that a fault names, once."""
        if "change" in self.fault and not self.has_changed:
            self.has_changed = True
            self.server.state.change(dict(self.fault["change"]))

    def head(self, status, headers):
        """Writes the status line and the headers, bent as the faults ask."""
        self.status = status
        headers = {"Date": email.utils.formatdate(usegmt=True), **headers}
        for name, value in self.fault.get("headers", {}).items():
            headers = {key: text for key, text in headers.items() if key.lower() != name.lower()}
            if value is not None:
                headers[name] = value
        if "retry_after_date" in self.fault:
            headers["Retry-After"] = email.utils.formatdate(time.time() + self.fault["retry_after_date"], usegmt=True)
        for number in range(self.fault.get("bomb", 0)):
            headers[f"X-Bomb-{number}"] = "b" * 1000
        change = {"upper": str.upper, "lower": str.lower}.get(self.fault.get("case"), str)
        lines = [f"HTTP/1.1 {status} {http.client.responses.get(status, 'Unknown')}"]
        lines += [f"{change(name)}: {value}" for name, value in headers.items()]
        self.wfile.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
        self.wfile.flush()

    def refuse(self, status, message, code=None, headers={}):
        body = message.encode()
        head = {"Content-Length": len(body), "X-Error-Message": message, "X-Request-Id": "request-1", **headers}
        self.head(status, head | ({"X-Error-Code": code} if code else {}))
        if self.command != "HEAD":
            self.wfile.write(body)
            self.wfile.flush()

    def redirect_elsewhere(self):
        target = self.fault["redirect"]
        if target == "loop":
            target = self.path
        for name, server in self.server.others.items():
            target = target.replace("{" + name + "}", server.address)
        target = target.replace("{path}", self.path)
        target = target.replace("{revision_path}", "/".join(self.path.split("/")[3:]))
        self.head(self.fault.get("redirect_status", 307), {"Location": target, "Content-Length": 0})

    def send_content(self, content, headers):
        """Answers with the bytes of a file, or the part of it that was asked for."""
        start, end, status = 0, content.size, 200
        wanted = self.headers.get("Range")
        if "If-Range" in self.headers and self.headers["If-Range"] != headers.get("ETag"):
            wanted = None
        if wanted and wanted.startswith("bytes=") and "," not in wanted and not self.fault.get("ignore_range"):
            first, last = wanted.removeprefix("bytes=").split("-")
            start = int(first) if first else max(0, content.size - int(last))
            end = min(content.size, int(last) + 1) if first and last else content.size
            if start >= end:
                headers = {"Content-Range": f"bytes */{content.size}", "Content-Length": 0}
                return self.head(416, headers)
            headers["Content-Range"], status = f"bytes {start}-{end - 1}/{content.size}", 206
        end = max(start, end - self.fault.get("short", 0))
        if self.fault.get("chunked"):
            headers["Transfer-Encoding"] = "chunked"
        else:
            headers["Content-Length"] = end - start
        self.head(status, headers)
        # The old bytes go on to whoever asked for them; the next request meets the new ones.
        self.change()
        if self.command != "HEAD":
            with open(content.path, "rb") as file:
                self.send_bytes(file, start, end)

    def send_bytes(self, file, start, end):
        cut = self.fault.get("cut", self.fault.get("after"))
        stop = end if cut is None else min(end, start + cut)
        rate, began, position = self.fault.get("rate"), time.monotonic(), start
        piece = PIECE if rate is None else max(1, min(PIECE, rate // 50))
        while position < stop:
            count = min(piece, stop - position)
            wrong = self.fault.get("wrong", -1)
            if self.fault.get("chunked"):
                file.seek(position)
                bytes = file.read(count)
                self.connection.sendall(b"%x\r\n%b\r\n" % (len(bytes), bytes))
                done = len(bytes)
            elif position <= wrong < position + count:
                file.seek(position)
                bytes = bytearray(file.read(count))
                bytes[wrong - position] ^= 0xFF
                self.connection.sendall(bytes)
                done = count
            elif isinstance(self.connection, ssl.SSLSocket):
                file.seek(position)
                self.connection.sendall(file.read(count))
                done = count
            else:
                done = os.sendfile(self.connection.fileno(), file.fileno(), position, count)
            position += done
            self.sent += done
            if rate is not None:
                time.sleep(max(0, began + (position - start) / rate - time.monotonic()))
        if "stall" in self.fault:
            # A client that gives up ends the silence.
            select.select([self.connection], [], [], self.fault["stall"])
        if cut is not None:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        elif self.fault.get("chunked"):
            self.connection.sendall(b"0\r\n\r\n")


class Hub(Handler):
    def answer(self, query):
        state, parts = self.server.state, self.route.lstrip("/").split("/")
        if parts[0] == "api" and len(parts) >= 4:
            return self.answer_listing("/".join(parts[2:4]))
        if len(parts) < 5 or parts[2] != "resolve":
            return self.refuse(404, "there is no such page")
        name, file = "/".join(parts[:2]), "/".join(parts[4:])
        # A revision is one part, and may hold slashes only in its encoded form.
        raw = urllib.parse.urlsplit(self.path).path.lstrip("/").split("/")
        revision, file = urllib.parse.unquote(raw[3]), urllib.parse.unquote("/".join(raw[4:]))
        if name in state.renamed:
            location = "/" + "/".join([state.renamed[name]] + raw[2:])
            return self.head(307, {"Location": location, "Content-Length": 0})
        repository = state.repositories.get(name)
        given = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if given == "wrong":
            return self.refuse(401, "Invalid credentials in Authorization header")
        if repository is None or repository.get("token", given) != given:
            return self.refuse(401, "Repository not found", "RepoNotFound")
        if repository.get("gated"):
            return self.refuse(403, f"Access to model {name} is restricted", "GatedRepo")
        commit = repository["revisions"].get(revision, revision)
        if commit != repository["commit"]:
            return self.refuse(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        content = repository["files"].get(file)
        if content is None:
            return self.refuse(404, "Entry not found", "EntryNotFound", {"X-Repo-Commit": commit})
        headers = {"X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
        if not content.large:
            return self.send_content(content, headers | {"ETag": f'"{content.etag}"'})
        with state.lock:
            state.signature += 1
            signature = state.signature
        place = urllib.parse.quote(f"/{name}/{file}")
        headers |= {"X-Linked-Etag": f'"{content.etag}"', "X-Linked-Size": content.size,
                    "ETag": f'"redirect-{content.etag[:20]}"', "Content-Length": 0,
                    "Location": f"{self.server.others['storage'].address}{place}?signature={signature}"}
        self.head(302, headers)

    def answer_listing(self, name):
        repository = self.server.state.repositories.get(name)
        if repository is None:
            return self.refuse(401, "Repository not found", "RepoNotFound")
        siblings = [{"rfilename": file} for file in repository["files"]]
        if "/tree/" in self.route:
            listing = [{"type": "file", "path": file, "size": content.size, "oid": content.etag}
                       | ({"lfs": {"oid": content.sha256, "size": content.size}} if content.large else {})
                       for file, content in repository["files"].items()]
        else:
            listing = {"id": name, "modelId": name, "sha": repository["commit"], "siblings": siblings, "tags": [],
                       "private": False, "downloads": 0}
        body = json.dumps(listing).encode()
        self.head(200, {"Content-Type": "application/json", "Content-Length": len(body)})
        if self.command != "HEAD":
            self.wfile.write(body)
            self.wfile.flush()


class Storage(Handler):
    def answer(self, query):
        state, parts = self.server.state, self.route.lstrip("/").split("/")
        if int(query.get("signature", ["0"])[0]) < state.first_valid_signature:
            return self.refuse(403, "Request has expired")
        repository = state.repositories.get("/".join(parts[:2]))
        content = repository and repository["files"].get("/".join(parts[2:]))
        if content is None:
            return self.refuse(404, "no such object")
        # As real storage does: another name for the content than the hub's.
        self.send_content(content, {"ETag": f'"stored-{content.sha256[:32]}"', "Accept-Ranges": "bytes"})


class Control(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_POST(self):
        state = self.server.state
        asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "{}")
        if self.path == "/change":
            state.change(asked)
        if self.path == "/faults":
            # Made now, so that the exchange itself takes no time.
            for fault in asked:
                if "change" in fault:
                    fault["change"]["content"] = Content(fault["change"], state.scratch)
        with state.lock:
            if self.path == "/faults":
                state.faults = asked
            elif self.path == "/expire":
                state.first_valid_signature = state.signature + 1
            elif self.path == "/clear":
                state.faults, state.records = [], []
        self.reply({name: {"commit": repository["commit"],
                           "files": {file: {"etag": content.etag, "size": content.size, "sha256": content.sha256}
                                     for file, content in repository["files"].items()}}
                    for name, repository in state.repositories.items()})

    def do_GET(self):
        state, patience = self.server.state, time.monotonic() + 2
        # A client may have its last byte before the request is recorded.
        while state.active and time.monotonic() < patience:
            time.sleep(0.01)
        with state.lock:
            records = list(state.records)
        self.reply(records)

    def reply(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def encrypt(server, scratch):
    """Puts the hub behind TLS with a certificate of its own; returns the certificate's path."""
    certificate, key = scratch + "/certificate.pem", scratch + "/key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", key, "-out", certificate, "-days", "1", "-subj", "/CN=127.0.0.1",
                    "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.scheme = "https"
    return certificate


def main(arguments):
    log, with_tls, description = None, False, {"repositories": {}}
    while arguments:
        argument = arguments.pop(0)
        if argument == "--log":
            log = open(arguments.pop(0), "a", encoding="utf-8")
        elif argument == "--tls":
            with_tls = True
        elif "=" in argument and not os.path.exists(argument):
            name, folder = argument.split("=", 1)
            paths = [os.path.join(base, file) for base, _, files in os.walk(folder) for file in files]
            files = {os.path.relpath(path, folder): {"path": path} for path in sorted(paths)}
            description["repositories"][name] = {"files": files}
        elif argument in ("-h", "--help") or argument.startswith("-"):
            sys.exit(__doc__)
        else:
            with open(argument, encoding="utf-8") as file:
                description = {**description, **json.load(file)}
    state = State(description, log)
    try:
        servers = {name: Server(name, handler, state)
                   for name, handler in (("hub", Hub), ("storage", Storage), ("control", Control))}
        certificate = encrypt(servers["hub"], state.scratch) if with_tls else None
        for server in servers.values():
            server.others = servers
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        addresses = {name: server.address for name, server in servers.items()}
        print(json.dumps(addresses | ({"certificate": certificate} if certificate else {})), flush=True)
        sys.stdin.buffer.read()
    finally:
        shutil.rmtree(state.scratch, ignore_errors=True)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        pass
