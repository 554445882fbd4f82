"""Bodies of the import routes for schemathesis: of each text a line as it is, and a row that has it in its fields."""

import json

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def rows(ctx, value):
    text = value if isinstance(value, str) else json.dumps(value)
    row = {name: value for name in ("name", "firstName", "lastName", "notes", "passwordHash")}
    return f"{text}\n{json.dumps(row)}\n".encode(errors="replace")
