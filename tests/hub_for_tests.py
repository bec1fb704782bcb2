"""A stand-in for the Hugging Face Hub on this machine: repositories in memory, over HTTP."""

from __future__ import annotations

import base64
import hashlib
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

TOKEN = "hf_thisIsTheSecretOfTheTests"


class StandIn(ThreadingHTTPServer):
    """Answers what huggingface_hub asks when a model is sent and fetched.

    Attributes
    ----------
    repositories : dict
        Content of files by name, by repository.
    private : set
        Repositories that are there for the holder of ``TOKEN`` alone.
    status : int, optional
        Error that answers everything.
    asked : list of (method, path)
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.repositories, self.private, self.status, self.asked = {}, set(), None, []

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.server_port}"

    def sha(self, repository):
        names = sorted(self.repositories[repository].items())
        return hashlib.sha1(repr(names).encode()).hexdigest()


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *arguments):
        pass

    def reply(self, content, status=200, **headers):
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Length": len(body), **headers}.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def trusted(self):
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def begins(self):
        self.server.asked.append((self.command, self.path))
        if self.server.status:
            self.reply({"error": "no"}, self.server.status)
        return not self.server.status

    def do_POST(self):
        content = self.body()
        if not self.begins():
            return
        parts = urlsplit(self.path).path.strip("/").split("/")
        if not self.trusted():
            self.reply({"error": "Invalid username or password."}, 401)
        elif parts == ["api", "repos", "create"]:
            wanted = json.loads(content)
            name = f"{wanted['organization']}/{wanted['name']}"
            self.server.repositories.setdefault(name, {})
            if wanted.get("private") or wanted.get("visibility") == "private":
                self.server.private.add(name)
            self.reply({"url": f"{self.server.endpoint}/{name}", "name": name})
        elif parts == ["api", "validate-yaml"]:
            self.reply({"errors": [], "warnings": []})
        elif parts[4] == "preupload":
            files = json.loads(content)["files"]
            modes = [{"path": f["path"], "uploadMode": "regular", "shouldIgnore": False}
                     for f in files]  # fmt: skip
            self.reply({"files": modes})
        elif parts[4] == "commit":
            name = "/".join(parts[2:4])
            for line in content.decode().splitlines():
                entry = json.loads(line)
                if entry["key"] == "file":
                    value = entry["value"]
                    self.server.repositories[name][value["path"]] = base64.b64decode(
                        value["content"]
                    )
            sha = self.server.sha(name)
            url = f"{self.server.endpoint}/{name}/commit/{sha}"
            self.reply({"commitUrl": url, "commitOid": sha, "hookOutput": "", "success": True})

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        if not self.begins():
            return
        parts = [unquote(part) for part in urlsplit(self.path).path.strip("/").split("/")]
        name = "/".join(parts[2:4] if parts[0] == "api" else parts[:2])
        files = self.server.repositories.get(name)
        if files is None or (name in self.server.private and not self.trusted()):
            self.reply({"error": "x"}, 404, X_Error_Code="RepoNotFound")
            return
        sha, action = self.server.sha(name), parts[4] if parts[0] == "api" else "resolve"
        revision = parts[5] if parts[0] == "api" and len(parts) > 5 else "main"
        if revision not in ("main", sha):
            self.reply({"error": "x"}, 404, X_Error_Code="RevisionNotFound")
        elif action == "revision":
            siblings = [{"rfilename": path} for path in files]
            self.reply({"id": name, "modelId": name, "sha": sha, "siblings": siblings})
        elif action == "tree":
            self.reply([
                {"type": "file", "path": path, "size": len(content),
                 "oid": hashlib.sha1(content).hexdigest()}
                for path, content in files.items()
            ])  # fmt: skip
        else:
            path = "/".join(parts[4:])
            if path not in files:
                self.reply({"error": "x"}, 404, X_Error_Code="EntryNotFound")
            else:
                digest = hashlib.sha1(files[path]).hexdigest()
                self.reply(files[path], ETag=f'"{digest}"', X_Repo_Commit=sha)
