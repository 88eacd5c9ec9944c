"""Structural schemas of custom resources: defaults, pruning and validation, as far as the definitions in crds need."""

from .store import Object

_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
}
_INT32 = range(-(2**31), 2**31)


def completed(schema: Object, value: object, root: bool = True) -> object:
    """Returns `value` with the defaults of the schema and without the fields that the schema does not contain."""
    if isinstance(value, list):
        return [completed(schema.get("items", {}), element, False) for element in value]
    if not isinstance(value, dict) or schema.get("x-kubernetes-preserve-unknown-fields"):
        return value
    properties = schema.get("properties", {})
    kept: Object = {}
    for name, inner in value.items():
        if root and name in ("apiVersion", "kind", "metadata"):
            kept[name] = inner
        elif name in properties:
            kept[name] = completed(properties[name], inner, False)
        elif isinstance(schema.get("additionalProperties"), dict):
            kept[name] = completed(schema["additionalProperties"], inner, False)
    for name, inner_schema in properties.items():
        if name not in kept and "default" in inner_schema:
            kept[name] = completed(inner_schema, inner_schema["default"], False)
    return kept


def violations(schema: Object, value: object, path: str = "") -> list[tuple[str, str]]:
    """Returns the paths of invalid fields, each with a description of the error."""
    expected = schema.get("type")
    if expected and (not isinstance(value, _TYPES[expected]) or isinstance(value, bool) != (expected == "boolean")):
        return [(path, f"Invalid value: {value!r}: must be of type {expected}")]
    found: list[tuple[str, str]] = []
    if "enum" in schema and value not in schema["enum"]:
        names = ", ".join(f'"{name}"' for name in schema["enum"])
        found.append((path, f'Unsupported value: "{value}": supported values: {names}'))
    if isinstance(value, (int, float)):
        if schema.get("format") == "int32" and value not in _INT32:
            found.append((path, f"Invalid value: {value}: must be an int32"))
        if value < schema.get("minimum", value):
            found.append((path, f"Invalid value: {value}: should be greater than or equal to {schema['minimum']}"))
        if value > schema.get("maximum", value):
            found.append((path, f"Invalid value: {value}: should be less than or equal to {schema['maximum']}"))
    if isinstance(value, (str, list)):
        limits = ("minLength", "maxLength") if isinstance(value, str) else ("minItems", "maxItems")
        if not schema.get(limits[0], 0) <= len(value) <= schema.get(limits[1], len(value)):
            found.append((path, f"Invalid value: {value!r}: its length {len(value)} is outside of what is allowed"))
    if isinstance(value, list):
        for index, element in enumerate(value):
            found += violations(schema.get("items", {}), element, f"{path}[{index}]")
    if isinstance(value, dict):
        for name in schema.get("required", []):
            if name not in value:
                found.append((f"{path}.{name}".lstrip("."), "Required value"))
        for name, inner in value.items():
            inner_schema = schema.get("properties", {}).get(name) or schema.get("additionalProperties")
            if isinstance(inner_schema, dict):
                found += violations(inner_schema, inner, f"{path}.{name}".lstrip("."))
    return found
