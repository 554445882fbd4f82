#!/usr/bin/env python3
"""Requests of every operation of openapi.json, with something in every parameter and field, for whatever tries others in their place.

    requests.py openapi.json http://ADDRESS TOKEN FOLDER [OPERATION]...   writes one file each
    requests.py --reached FOLDER LOG                                      fails if one has only ever been refused, as the log has it
"""

import collections
import json
import os
import re
import sys
import urllib.error
import urllib.parse
import urllib.request

DEVICE = "4c07bc67-57ea-42dd-b702-c2d6c45419fc"
# Always refused: logins and a new password, with passwords that are wrong, as a right one would end what tries them; and what nobody may.
REFUSED = {"login", "authenticate", "changeOwnPassword", "createIdentityProvider", "deleteIdentityProvider"}


def reached(folder, log):
    asked, routes = collections.Counter(), collections.defaultdict(collections.Counter)
    for line in open(log):
        said = json.loads(line)
        if "status" in said and "route" in said:
            routes[said["method"], said["route"]][said["status"]] += 1
            asked["all"] += 1
    missed = []
    for name in sorted(os.listdir(folder)):
        _, operation, method, path, _ = name.split(" ")
        seen = routes[method, path.replace("|", "/")]
        # Found, made, changed, in conflict, or not there: after a look into the database.
        if operation not in REFUSED and not any(seen[status] for status in (200, 204, 404, 409)):
            missed.append(f"{operation}: {dict(seen)}")
    for one in missed:
        print(f"never reached: {one}", file=sys.stderr)
    print(f"{asked['all']} requests in all")
    sys.exit(bool(missed))


class Maker:
    def __init__(self, document, address, token):
        self.document, self.address, self.token = document, address, token

    def ask(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.address}{path}", data, method=method)
        request.add_header("Authorization", f"Bearer {self.token}")
        try:
            return json.load(urllib.request.urlopen(request))
        except urllib.error.HTTPError as refused:
            return {"refused": refused.code, "why": refused.read().decode()}

    def resolve(self, schema):
        if "$ref" in schema:
            return self.resolve(self.document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]])
        for word in ("anyOf", "oneOf", "allOf"):
            if word in schema:
                return self.resolve(next(one for one in schema[word] if one.get("type") != "null"))
        return schema

    def sample(self, schema, read_only=("id", "created", "updated")):
        """Something for every field, so that every field is tried."""
        schema = self.resolve(schema)
        kinds = schema.get("type", "string")
        kind = kinds if isinstance(kinds, str) else kinds[0]
        if schema.get("enum"):
            words = schema["enum"]
            return next((word for word in ("View", "LocalUser", "Access") if word in words), words[0])
        if kind == "object":
            fields = schema.get("properties")
            if fields is None:
                return {"key": "value"}
            return {name: self.sample(inner) for name, inner in fields.items() if name not in read_only}
        if kind == "array":
            return [self.sample(schema["items"])]
        if kind == "boolean":
            return False
        if kind in ("integer", "number"):
            return max(schema.get("minimum", 1), 1)
        form = {"uuid": DEVICE, "date-time": "2026-01-01T00:00:00Z", "password": "punched cards all day"}
        return form.get(schema.get("format")) or schema.get("examples", ["some text"])[0]

    def body(self, operation):
        content = operation.get("requestBody", {}).get("content", {})
        if operation["operationId"] in ("login", "authenticate"):
            return {"providerName": "local", "username": "mallory", "password": "a wrong one", "deviceId": DEVICE}
        if "application/x-ndjson" in content:
            return {"name": "a row", "firstName": "a", "lastName": "b", "tags": ["a"], "notes": "n"}
        return self.mended(self.sample(content["application/json"]["schema"])) if "application/json" in content else None

    def first(self, path):
        listed = self.ask("GET", path).get("data") or []
        # One of ours, which nobody needs, if there is one.
        listed.sort(key=lambda one: one.get("notes") != "some text")
        return next((one["id"] for one in listed if one.get("name") != "admin" and "id" in one), DEVICE)

    def mended(self, body):
        """What the document cannot say: fields that exclude each other, and ids of what is there."""
        for privilege in body.get("privileges", []):
            del privilege["defaultTags"], privilege["functions"]
            privilege["scope"]["ids"] = [self.first("/local-users")]
        if "userScripts" in body:
            body["userScripts"] = [self.first("/user-scripts")]
        if "administrativeRoles" in body:
            body["administrativeRoles"] = [self.first("/administrative-roles")]
        if "specificDistinguishedNames" in body:
            body["tokenType"] = "Claims"
            body["specificDistinguishedNames"] = [f"CN={DEVICE.replace('-', '')},CN=bobby,OU=local"]
        return body


def main(document, address, token, folder, *wanted):
    document = json.load(open(document))
    maker = Maker(document, address, token)
    os.mkdir(folder)
    paths = document["paths"].items()
    # Something to be found, so that there are ids.
    for path, operations in paths:
        operation = operations.get("post")
        if operation and f"{path}/{{id}}" in document["paths"] and operation["operationId"] not in REFUSED:
            made = maker.ask("POST", path, maker.body(operation))
            if "refused" in made:
                print(f"{operation['operationId']} was refused: {made}", file=sys.stderr)
    for path, operations in paths:
        for method, operation in operations.items():
            name = operation["operationId"]
            if wanted and name not in wanted:
                continue
            write_all(maker, folder, path, method.upper(), operation)


def write_all(maker, folder, path, method, operation):
    # What takes something away comes last.
    turn = 2 if method == "DELETE" or operation["operationId"] == "logout" else 1

    def write(what, target):
        lines = [f"{method} {target} HTTP/1.1", f"Host: {maker.address.split('//')[1]}", "Accept: application/json"]
        lines += [f"Authorization: Bearer {maker.token}"] + (["Content-Type: application/json"] if body is not None else [])
        with open(os.path.join(folder, f"{turn} {operation['operationId']} {method} {path.replace('/', '|')} {what}"), "w") as file:
            file.write("\r\n".join(lines) + "\r\n\r\n" + (json.dumps(body) if body is not None else ""))

    body = maker.body(operation)
    device = f"CN={DEVICE.replace('-', '')}," if "devices" in path else ""
    keys = {"{dn}": f"{device}CN=bobby,OU=local", "{id}": DEVICE}
    if "{" in path:
        keys["{id}"] = maker.first(path.split("/{")[0])
        filled, key = re.sub(r"\{\w+\}", lambda found: keys[found[0]], path), re.search(r"\{\w+\}", path)[0]
        # A star is where something is tried, and nothing else is then.
        write("path", path.replace(key, keys[key] + "*"))
    else:
        filled = path
    query = {one["name"]: "a" for one in operation.get("parameters", []) if one["in"] == "query"}
    if "range" in query:
        # What finds something, so that it shows when it is found no more.
        there = next(iter(sorted(maker.ask("GET", path).get("data") or [{}], key=lambda one: one.get("notes") != "some text")))
        known = {name: value[0] if isinstance(value, list) and value else value for name, value in there.items()}
        query = {name: urllib.parse.quote(str(known.get(name, ""))) for name in query}
        columns = {"orderBy": "name" if "name" in query else "id", "descending": "false"}
        columns |= {"filterBy[name]": urllib.parse.quote(str(known.get("name", ""))), "id": known.get("id", DEVICE)}
        query.update(columns)
        after = {**query, "after": "AWE"}
        del query["after"], after["range"]
        query["range"] = "0-9"
        write("after", filled + "?" + "&".join(f"{name}={value}" for name, value in after.items()))
    elif query:
        query = {name: "true" for name in query}
    if query:
        write("query", filled + "?" + "&".join(f"{name}={value}" for name, value in query.items()))
    if body is not None:
        write("body", filled)
    if "{" not in path and not query and body is None:
        write("nothing", filled + "?x=1")


if sys.argv[1] == "--reached":
    reached(*sys.argv[2:])
else:
    main(*sys.argv[1:])
