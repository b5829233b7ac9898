# SPDX-License-Identifier: Apache-2.0
"""Requests against an OpenAPI document: a small check of JSON Schema, enough for Discord's and OpenAI's.

    openapi.py DOCUMENT REQUESTS [COVER…]

REQUESTS is a list of {"method", "path", "body"} as the fake Discord records them. Prints a line for
each request that does not hold, and for each COVER ("POST /channels/{channel_id}/messages") that no
request was made of; the last line is the number of requests that were checked.

Discord's conventions (README of its specification): a union means one of its members whatever the
keyword says, and integers may be written as strings. Names that a schema does not have are refused
here, though Discord ignores them: they are mistakes.
"""
import json
import re
import sys

TYPES = {
    "object": dict, "array": list, "string": str, "boolean": bool, "null": type(None),
    "number": (int, float), "integer": int,
}


class Document:
    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.root = json.load(file)
        self.paths = self.root["paths"]

    def resolve(self, schema):
        while "$ref" in schema:
            node = self.root
            for part in schema["$ref"].lstrip("#/").split("/"):
                node = node[part]
            schema = node
        return schema

    def flatten(self, schema):
        """The schema without references and allOf: names that one part has are known to all."""
        schema = self.resolve(schema)
        if "allOf" not in schema:
            return schema
        merged = {key: value for key, value in schema.items() if key != "allOf"}
        for part in map(self.flatten, schema["allOf"]):
            for key, value in part.items():
                if key == "properties":
                    merged[key] = {**merged.get(key, {}), **value}
                elif key == "required":
                    merged[key] = [*merged.get(key, []), *value]
                else:
                    merged.setdefault(key, value)
        return merged

    def template(self, path):
        """The path's template: one with the most literal parts that fits."""
        parts = re.sub(r"^(/api)?(/v\d+)?", "", path).strip("/").split("/")
        best = None
        for template in self.paths:
            names = template.strip("/").split("/")
            if len(names) != len(parts):
                continue
            literal = 0
            for name, part in zip(names, parts):
                if name == part:
                    literal += 1
                elif not name.startswith("{"):
                    break
            else:
                if best is None or literal > best[0]:
                    best = (literal, template)
        return best[1] if best else None

    # ---- one value: a list of what is wrong with it

    def check(self, value, schema, at="body"):
        schema = self.flatten(schema)
        wrong = self.check_type(value, schema, at)
        if wrong:
            return wrong
        if "const" in schema and value != schema["const"]:
            wrong.append(f"{at} is not {schema['const']!r}")
        if "enum" in schema and value not in schema["enum"]:
            wrong.append(f"{at} is {value!r}, none of {schema['enum']}")
        for keyword in ("oneOf", "anyOf"):
            if keyword in schema:
                wrong += self.check_union(value, schema[keyword], at)
        if isinstance(value, str):
            wrong += self.check_string(value, schema, at)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            wrong += self.check_number(value, schema, at)
        elif isinstance(value, list):
            wrong += self.check_list(value, schema, at)
        elif isinstance(value, dict):
            wrong += self.check_object(value, schema, at)
        return wrong

    @staticmethod
    def is_type(value, name):
        if isinstance(value, bool) and name != "boolean":
            return False
        if name == "integer" and isinstance(value, str):
            return re.fullmatch(r"-?\d+", value) is not None
        if name == "integer" and isinstance(value, float):
            return value.is_integer()
        return isinstance(value, TYPES[name])

    def check_type(self, value, schema, at):
        names = schema.get("type")
        if names is None:
            return []
        names = names if isinstance(names, list) else [names]
        if any(self.is_type(value, name) for name in names):
            return []
        return [f"{at} is {value!r}, no {' or '.join(names)}"]

    def check_union(self, value, members, at):
        reasons = []
        for member in members:
            wrong = self.check(value, member, at)
            if not wrong:
                return []
            reasons.append(wrong)
        return min(reasons, key=len)

    @staticmethod
    def check_string(value, schema, at):
        wrong = []
        if len(value) < schema.get("minLength", 0):
            wrong.append(f"{at} is too short")
        if len(value) > schema.get("maxLength", len(value)):
            wrong.append(f"{at} has {len(value)} characters")
        if "pattern" in schema and not re.search(schema["pattern"], value):
            wrong.append(f"{at} does not match {schema['pattern']}")
        return wrong

    @staticmethod
    def check_number(value, schema, at):
        if value < schema.get("minimum", value) or value > schema.get("maximum", value):
            return [f"{at} is {value}, out of range"]
        return []

    def check_list(self, value, schema, at):
        wrong = []
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            wrong.append(f"{at} has {len(value)} items")
        if schema.get("uniqueItems") and len({json.dumps(v) for v in value}) != len(value):
            wrong.append(f"{at} has an item twice")
        for i, item in enumerate(value):
            wrong += self.check(item, schema.get("items", {}), f"{at}[{i}]")
        return wrong

    def check_object(self, value, schema, at):
        wrong = [f"{at} lacks {name}" for name in schema.get("required", []) if name not in value]
        known = schema.get("properties")
        more = schema.get("additionalProperties")
        for name, item in value.items():
            if known and name in known:
                wrong += self.check(item, known[name], f"{at}.{name}")
            elif isinstance(more, dict):
                wrong += self.check(item, more, f"{at}.{name}")
            elif known:
                wrong.append(f"{at}.{name} is not known")
        return wrong

    # ---- one request

    def request(self, method, path, body):
        template = self.template(path)
        operation = self.paths.get(template, {}).get(method.lower())
        if operation is None:
            return template, ["there is no such operation"]
        schema = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if body is None:
            required = operation.get("requestBody", {}).get("required")
            return template, ["it has no body"] if required and schema else []
        if schema is None:
            return template, ["it has a body"] if body else []
        return template, self.check(body, schema["schema"])


def main():
    document = Document(sys.argv[1])
    with open(sys.argv[2], encoding="utf-8") as file:
        requests = json.load(file)
    seen = set()
    for request in requests:
        template, wrong = document.request(request["method"], request["path"], request["body"])
        seen.add(f"{request['method']} {template}")
        for reason in wrong:
            print(f"{request['method']} {template}: {reason}")
    for wanted in sys.argv[3:]:
        if wanted not in seen:
            print(f"no request was made of {wanted}")
    print(len(requests))


if __name__ == "__main__":
    main()
