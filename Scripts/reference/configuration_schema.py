"""Checks YAML files against the schema that `fledge keys --schema` prints.

Usage: fledge keys --schema | configuration_schema.py FILE.yaml ...

Needs an environment of its own: pip install jsonschema==4.25.1 pyyaml==6.0.2
"""
import json, sys

import yaml
from jsonschema import Draft202012Validator

schema = json.load(sys.stdin)
Draft202012Validator.check_schema(schema)
validator = Draft202012Validator(schema)
wrong = 0
for path in sys.argv[1:]:
    with open(path, encoding="utf-8-sig") as file:
        for error in validator.iter_errors(yaml.safe_load(file)):
            wrong += 1
            print(f"{path}: {'.'.join(map(str, error.path))}: {error.message}")
sys.exit(1 if wrong else 0)
